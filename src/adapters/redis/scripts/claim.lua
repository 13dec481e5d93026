-- Starts the first task of a queue under a lease. The one script that makes a transition itself (Task.start and
-- Task.hand_back): the choice of the task and its start must be one step.
-- KEYS: 1 waiting 2 leases 3 held 4 tokens 5 sequence 6 claims
-- ARGV: 1 owner 2 claim id 3 lease in ms 4 prefix of records 5 prefix of waiting sets 6 queue 7 bound 8 template
-- Answers {id, field, value, …}, or nothing when no task waits.
local waiting, leases, held, tokens, sequence, claims = unpack(KEYS)
local owner, claim_id, lease, record_prefix, waiting_prefix, queue, bound, template = unpack(ARGV)
local now = milliseconds()

local wrong = require_type(waiting, 'zset') or require_type(leases, 'zset')
  or require_type(held, 'hash') or require_type(tokens, 'list')
if wrong then return wrong end

local function answer(id)
  return {id, unpack(redis.call('HGETALL', record_prefix .. id))}
end

local function hand_back(id, of_queue)
  local record = record_prefix .. id
  local rank = redis.call('HGET', record, 'q')
  redis.call('HSET', record, 's', 'QUEUED')
  redis.call('HINCRBY', record, 'v', 1)
  if redis.call('HINCRBY', record, 'a', -1) == 0 then redis.call('HDEL', record, 'a') end
  redis.call('HDEL', record, 'o', 'b')
  redis.call('ZREM', leases, id)
  redis.call('ZADD', waiting_prefix .. of_queue, rank, id)
end

local entry = redis.call('HGET', held, owner)
if entry then
  local held_claim, held_queue, id = string.match(entry, '^(%S+) (%S+) (.*)$')
  if redis.call('HGET', record_prefix .. id, 'o') == owner then
    if held_claim == claim_id then return answer(id) end
    hand_back(id, held_queue)
  end
  redis.call('HDEL', held, owner)
end

local id
repeat
  id = redis.call('ZPOPMIN', waiting)[1]
  if not id then return false end
until redis.call('HGET', record_prefix .. id, 's') == 'QUEUED'

local record = record_prefix .. id
local claim = redis.call('INCR', claims)
redis.call('HSET', record, 's', 'PROCESSING', 'o', owner, 'c', claim, 'b', now)
redis.call('HINCRBY', record, 'v', 1)
redis.call('HINCRBY', record, 'a', 1)
redis.call('ZADD', leases, now + tonumber(lease), id)
redis.call('HSET', held, owner, claim_id .. ' ' .. queue .. ' ' .. id)
top_up(tokens, waiting, sequence, bound, template)
return answer(id)
