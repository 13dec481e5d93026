-- Starts the first task of a queue under a lease. The one script that makes a transition itself (Task.start): the choice
-- of the task and its start must be one step.
-- KEYS: 1 waiting 2 leases 3 held 4 tokens 5 sequence 6 claims 7 events
-- ARGV: 1 owner 2 claim id 3 lease in ms 4 prefix of records 5 queue 6 bound 7 template 8 events kept
-- Answers {1, id, field, value, …}; {2, id, field, value, …} with the run of another claim that the owner still
-- holds; nothing when no task waits.
local waiting, leases, held, tokens, sequence, claims, events = unpack(KEYS)
local owner, claim_id, lease, record_prefix, queue, bound, template, kept = unpack(ARGV)
local now = milliseconds()

local wrong = require_type(waiting, 'zset') or require_type(leases, 'zset') or require_type(held, 'hash')
  or require_type(tokens, 'list') or require_type(events, 'stream')
if wrong then return wrong end

local function answer(kind, id)
  return {kind, id, unpack(redis.call('HGETALL', record_prefix .. id))}
end

local entry = redis.call('HGET', held, owner)
if entry then
  local held_claim, id = string.match(entry, '^(%S+) (.*)$')
  if redis.call('HGET', record_prefix .. id, 'o') == owner then
    if held_claim ~= claim_id then return answer(2, id) end
    redis.call('ZADD', leases, now + tonumber(lease), id) -- who repeats a claim has armed its timer anew
    return answer(1, id)
  end
  redis.call('HDEL', held, owner)
end

-- A task that has expired leaves the queue; maintenance ends it.
local id
repeat
  id = redis.call('ZPOPMIN', waiting)[1]
  if not id then return false end
  local status, expires = unpack(redis.call('HMGET', record_prefix .. id, 's', 'y'))
until status == 'QUEUED' and not (expires and tonumber(expires) <= now)

local record = record_prefix .. id
local claim = redis.call('INCR', claims)
redis.call('HSET', record, 's', 'PROCESSING', 'o', owner, 'c', claim, 'b', now)
redis.call('HINCRBY', record, 'v', 1)
redis.call('HINCRBY', record, 'a', 1)
redis.call('ZADD', leases, now + tonumber(lease), id)
redis.call('HSET', held, owner, claim_id .. ' ' .. id)
append_event(events, kept, 'task.started', id, record)
top_up(tokens, waiting, sequence, bound, template)
return answer(1, id)
