-- Starts the first task of a queue under a lease. The one place where a script makes a transition itself (Task.start):
-- the choice of the task and its start must be one step.
-- Answers {1, id, field, value, …}; {2, id, field, value, …} with the run of another claim that the owner still
-- holds; nothing when no task waits or the queue is paused.
local function claim(now, names, arguments)
  local waiting, leases, held, tokens, sequence, claims, events, paused, queued, processing = unpack(names)
  local owner, claim_id, lease, record_prefix, queue, bound, template, kept = unpack(arguments)

  local entry = redis.call('HGET', held, owner)
  if entry then
    local held_claim, id = string.match(entry, '^(%S+) (.*)$')
    id = string.sub(id, 1, 16)
    local fields = redis.call('HGETALL', record_prefix .. id)
    if field_of(fields, 'o') == owner then
      if held_claim ~= claim_id then return {2, id, unpack(fields)} end
      redis.call('ZADD', leases, now + tonumber(lease), id) -- who repeats a claim has armed its timer anew
      return {1, id, unpack(fields)}
    end
    redis.call('HDEL', held, owner)
  end

  if redis.call('SISMEMBER', paused, queue) == 1 then return false end

  -- A task that has expired leaves the queue; maintenance ends it.
  local id, record, status, version, attempt, submitted, expires
  repeat
    id = redis.call('ZPOPMIN', waiting)[1]
    if not id then return false end
    record = record_prefix .. id
    status, version, attempt, submitted, expires = unpack(redis.call('HMGET', record, 's', 'v', 'a', 'u', 'y'))
  until status == 'QUEUED' and not (expires and tonumber(expires) <= now)

  redis.call('HSET', record, 's', 'PROCESSING', 'o', owner, 'c', redis.call('INCR', claims), 'b', now,
    'v', version + 1, 'a', (attempt or 0) + 1)
  redis.call('ZADD', leases, now + tonumber(lease), id)
  redis.call('ZREM', queued, id)
  redis.call('ZADD', processing, submitted, id)
  redis.call('HSET', held, owner, claim_id .. ' ' .. id .. queue)
  top_up(tokens, waiting, sequence, bound, template)
  return {1, id, unpack(append_event(events, kept, 'task.started', id, record))}
end
