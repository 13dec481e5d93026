-- Reads everything that is stored about tasks, until the reply is large.
-- KEYS: 1 outbox, then for each task: record, attempts, log, deliveries
-- ARGV: 1 bytes from which on no further task is read 2 prefix of the keys of webhooks
--       3 most versions to look up 4... ids
-- Replies for each task that it read: false where there is no record, or {record, attempts, log,
-- deliveries, ms until these expire, webhooks}. A webhook is {version, score in the outbox or
-- false, ms until it expires, record, or nothing where it is that of the task}.
local function size_of(values)
  local size = 0
  for _, value in ipairs(values) do size = size + #value end
  return size
end

-- The ends of a task that callers are told of, or were in the last days. Each has the version of
-- the task, which grows with each change. A look-up counts as LOOK_BYTES: it takes time as well.
local LOOK_BYTES = 100

local function webhooks_of(id, version)
  local from = math.max(1, version - ARGV[3] + 1)
  local found, size = {}, (version - from + 1) * LOOK_BYTES
  for number = from, version do
    local name = text(number)
    local key = ARGV[2] .. id .. name
    local copy = call('HGETALL', key)
    if #copy > 0 then
      if number == version then copy = {} end
      found[#found + 1] = {name, call('ZSCORE', KEYS[1], id .. name), call('PTTL', key), copy}
      size = size + size_of(copy)
    end
  end
  return found, size
end

local reply, size = {}, 0
for number = 1, #ARGV - 3 do
  if size >= ARGV[1] + 0 then break end
  local first, id = 4 * number - 2, ARGV[number + 3]
  local record = call('HGETALL', KEYS[first])
  if #record == 0 then
    reply[number] = false
  else
    local attempts = call('LRANGE', KEYS[first + 1], 0, -1)
    local log = call('LRANGE', KEYS[first + 2], 0, -1)
    local deliveries = call('HGETALL', KEYS[first + 3])
    local webhooks, more = webhooks_of(id, tonumber(field_of(record, 'v') or '') or 0)
    reply[number] =
      {record, attempts, log, deliveries, call('PTTL', KEYS[first + 3]), webhooks}
    size = size + more + size_of(record) + size_of(attempts) + size_of(log) + size_of(deliveries)
  end
end
return reply
