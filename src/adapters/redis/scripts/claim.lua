-- How many tasks a claim looks at. Many that have expired at once must not hold Redis for long.
local MAX_LOOKS = 100

-- Starts the first task of a queue under a lease. The one place where a script makes a transition itself (Task.start):
-- the choice of the task and its start must be one step.
-- From ARGV[at] on: the keys of 1 waiting 2 leases 3 held 4 tokens 5 sequence 6 claims 7 events 8 paused 9 index of QUEUED
-- 10 of PROCESSING 11 expiring, then 12 owner 13 claim id 14 lease in ms 15 prefix of records 16 queue 17 bound 18 template
-- 19 events kept.
-- Answers {1, id, record}; {2, id, record} with the run of another claim that the owner still holds; nothing when no
-- task waits, the queue is paused, or the first MAX_LOOKS tasks have all expired: then tokens are topped up, so that
-- another claim follows at once.
local function claim(now, at)
  local waiting, leases, held, tokens = key_of(at), key_of(at + 1), key_of(at + 2), key_of(at + 3)
  local sequence, claims, events, paused = key_of(at + 4), key_of(at + 5), key_of(at + 6), key_of(at + 7)
  local queued, processing, expiring = key_of(at + 8), key_of(at + 9), key_of(at + 10)
  local owner, claim_id, lease, record_prefix, queue, bound, template, kept = unpack(ARGV, at + 11, at + 18)

  local entry = call('HGET', held, owner)
  if entry then
    local held_claim, id = string.match(entry, '^(%S+) (.*)$')
    id = string.sub(id, 1, 16)
    local fields = call('HGETALL', record_prefix .. id)
    if field_of(fields, 'o') == owner then
      if held_claim ~= claim_id then return {2, id, packed(fields)} end
      call('ZADD', leases, now + lease, id) -- who repeats a claim has armed its timer anew
      return {1, id, packed(fields)}
    end
    call('HDEL', held, owner)
  end

  if call('SISMEMBER', paused, queue) == 1 then return false end

  -- A task that has expired leaves the queue; maintenance ends it. The rule is that of Task.has_expired in the domain.
  -- A record of the wrong type counts as no task: pcall.
  local id, place, record, status, version, attempt, submitted, expires
  local looks = 0
  repeat
    if looks == MAX_LOOKS then
      top_up(tokens, waiting, sequence, bound, template)
      return false
    end
    looks = looks + 1
    id, place = unpack(call('ZPOPMIN', waiting))
    if not id then return false end
    record = record_prefix .. id
    status, version, attempt, submitted, expires = unpack(redis.pcall('HMGET', record, 's', 'v', 'a', 'u', 'y'))
  until status == 'QUEUED' and not (expires and expires + 0 <= now)

  -- A counter that is damaged must not cost the task its place.
  local fence = redis.pcall('INCR', claims)
  if type(fence) == 'table' then
    call('ZADD', waiting, place, id)
    error(fence.err)
  end

  -- pcall, since the type of this key is not checked before the first write: tasks without expires_at pay nothing for it.
  if expires then redis.pcall('ZREM', expiring, id) end

  call('HSET', record, 's', 'PROCESSING', 'o', owner, 'c', fence, 'b', now,
    'v', version + 1, 'a', (attempt or 0) + 1)
  call('ZADD', leases, now + lease, id)
  call('ZREM', queued, id)
  call('ZADD', processing, submitted, id)
  call('HSET', held, owner, claim_id .. ' ' .. id .. queue)
  top_up(tokens, waiting, sequence, bound, template)
  return {1, id, packed(append_event(events, kept, 'task.started', id, record))}
end
