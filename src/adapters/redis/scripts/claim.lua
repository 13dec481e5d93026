-- Limits how many tasks one claim reads: many expired tasks must not hold Redis for long.
local MAX_READ = 100

-- Starts the first task of a queue under a lease. The write `claim` of save.lua calls it. No other
-- Lua code makes a transition itself (Task.start): the choice of the task and its start must be one
-- step.
--
-- Arguments from ARGV[at] on: the keys 1 waiting 2 leases 3 held 4 wake-ups 5 sequence 6 claims
-- 7 events 8 paused 9 index of QUEUED 10 index of PROCESSING 11 expiring, then 12 owner 13 claim id
-- 14 lease in ms 15 prefix of records 16 queue 17 bound 18 template 19 length of the stream; then 0,
-- or for a worker whose processes serve both lanes of the queue: 20 the key of the tasks that wait in
-- the other lane 21 the key of its wake-ups 22 their template.
--
-- Returns {1, id, record}; {2, id, record} with the run of an earlier claim that the owner still
-- holds; false when no task waits, the queue is paused, or the first MAX_READ tasks have expired.
--
-- Tops up the wake-ups in two cases: when it has started a task, and when the first MAX_READ tasks
-- have expired, so that another claim follows at once.
local function claim(now, at)
  local waiting, leases, held, wake_ups = key_of(at), key_of(at + 1), key_of(at + 2), key_of(at + 3)
  local sequence, claims = key_of(at + 4), key_of(at + 5)
  local events, paused = key_of(at + 6), key_of(at + 7)
  local queued, processing, expiring = key_of(at + 8), key_of(at + 9), key_of(at + 10)
  local owner, claim_id, lease, record_prefix, queue, bound, template, length =
    unpack(ARGV, at + 11, at + 18)

  local entry = call('HGET', held, owner)
  if entry then
    local held_claim, id = string.match(entry, '^(%S+) (.*)$')
    id = string.sub(id, 1, 16)
    local fields = call('HGETALL', record_prefix .. id)
    if field_of(fields, 'o') == owner then
      if held_claim ~= claim_id then return {2, id, packed(fields)} end
      call('ZADD', leases, now + lease, id) -- a repeated claim has restarted its timer
      return {1, id, packed(fields)}
    end
    call('HDEL', held, owner)
  end

  if call('SISMEMBER', paused, queue) == 1 then return false end

  if ARGV[at + 19] ~= '0' then
    local other = key_of(at + 19)
    local mine = call('ZRANGE', waiting, 0, 0, 'WITHSCORES')[2]
    local theirs = call('ZRANGE', other, 0, 0, 'WITHSCORES')[2]
    if theirs and not (mine and mine + 0 <= theirs + 0) then
      waiting, wake_ups, template = other, key_of(at + 20), ARGV[at + 21]
    end
  end

  -- An expired task leaves the queue here, and maintenance ends it (Task.has_expired). A record of
  -- the wrong type counts as no task, hence pcall.
  local id, place, record, status, version, attempt, submitted, expires
  local number_read = 0
  repeat
    if number_read == MAX_READ then
      top_up(wake_ups, waiting, sequence, bound, template)
      return false
    end
    number_read = number_read + 1
    id, place = unpack(call('ZPOPMIN', waiting))
    if not id then return false end
    record = record_prefix .. id
    status, version, attempt, submitted, expires =
      unpack(redis.pcall('HMGET', record, 's', 'v', 'a', 'u', 'y'))
  until status == 'QUEUED' and not (expires and expires + 0 <= now)

  -- A damaged counter must not cost the task its place.
  local fencing_token = redis.pcall('INCR', claims)
  if type(fencing_token) == 'table' then
    call('ZADD', waiting, place, id)
    error(fencing_token.err)
  end

  -- The type of this key is not checked before the first write, hence pcall: tasks without an
  -- expires_at pay nothing for it.
  if expires then redis.pcall('ZREM', expiring, id) end

  call('HSET', record, 's', 'PROCESSING', 'o', owner, 'c', fencing_token, 'b', now,
    'v', version + 1, 'a', (attempt or 0) + 1)
  call('ZADD', leases, now + lease, id)
  call('ZREM', queued, id)
  call('ZADD', processing, submitted, id)
  call('HSET', held, owner, claim_id .. ' ' .. id .. queue)
  top_up(wake_ups, waiting, sequence, bound, template)
  return {1, id, packed(append_event(events, length, 'task.started', id, record, ''))}
end
