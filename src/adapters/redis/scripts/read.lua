-- Reads records without secrets (I), and without a payload (i) and a result (r) of more than 4096
-- bytes. The field `omitted` names the latter. Long values stay in Redis: the script reads only
-- their lengths.
-- KEYS: 1 events 2... records
-- ARGV: none, or for the ranks in the queues: 1 prefix of the keys of waiting tasks 2 prefix of the
-- keys of records 3 queue of a task that names none
-- Replies the position of the last event, then for each record its fields and values as one text,
-- or false where there is no record. With ranks, each is a pair of that and the rank of a QUEUED
-- task, or false.
local SHORT = {
  's', 'v', 'a', 'n', 'c', 'o', 'x', 'z', 'g', 'u', 'w', 'b', 'f', 'y', 'd', 'p', 'e', 'm', 't',
  'h', 'j', 'S',
}
local LONG = {'i', 'r'}

local function without_long(record, is_long)
  local names = {unpack(SHORT)}
  for at, name in ipairs(LONG) do
    if not is_long[at] then names[#names + 1] = name end
  end
  local fields, omitted = {}, ''
  for at, value in ipairs(call('HMGET', record, unpack(names))) do
    if value then fields[#fields + 1], fields[#fields + 2] = names[at], value end
  end
  for at, name in ipairs(LONG) do
    if is_long[at] then omitted = omitted .. name end
  end
  fields[#fields + 1], fields[#fields + 2] = 'omitted', omitted
  return fields
end

local function rank(record, fields)
  if field_of(fields, 's') ~= 'QUEUED' then return false end
  local is_json, spec = pcall(cjson.decode, field_of(fields, 'd'))
  local is_spec = is_json and type(spec) == 'table'
  local lane = tostring(is_spec and spec.q or ARGV[3]) .. (is_spec and spec.g == 'io' and '~io' or '')
  local found = redis.pcall('ZRANK', ARGV[1] .. lane, string.sub(record, #ARGV[2] + 1))
  return type(found) == 'number' and found
end

local last = call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local reply = {last and last[1] or '0-0'}
for at = 2, #KEYS do
  local payload = call('HSTRLEN', KEYS[at], 'i') > 4096
  local result = call('HSTRLEN', KEYS[at], 'r') > 4096
  local fields
  if payload or result then
    fields = without_long(KEYS[at], {payload, result})
  else
    fields = without_long_values(call('HGETALL', KEYS[at]))
  end
  reply[at] = #fields > 0 and packed(fields)
  if #ARGV > 0 then reply[at] = {reply[at], rank(KEYS[at], fields)} end
end
return reply
