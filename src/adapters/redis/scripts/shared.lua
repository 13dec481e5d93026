-- Stands before every script.

-- Puts tokens until there are min(waiting, bound).
-- The template holds @TOKEN@ where each token needs a number of its own.
local function top_up(tokens, waiting, sequence, bound, template)
  local wanted = math.min(redis.call('ZCARD', waiting), tonumber(bound))
  local missing = wanted - redis.call('LLEN', tokens)
  for _ = 1, missing do
    local number = string.format('%.0f', redis.call('INCR', sequence))
    redis.call('LPUSH', tokens, (string.gsub(template, '@TOKEN@', number)))
  end
  return math.max(missing, 0)
end

-- Without the payload (i) and the result (r) where they are long: there may be many events of one task. `omitted` names them.
local function short(fields)
  local told, omitted = {}, ''
  for at = 1, #fields, 2 do
    local field, value = fields[at], fields[at + 1]
    if #value > 4096 and (field == 'i' or field == 'r') then
      omitted = omitted .. field
    else
      told[#told + 1], told[#told + 2] = field, value
    end
  end
  if omitted == '' then return fields end
  told[#told + 1], told[#told + 2] = 'omitted', omitted
  return told
end

-- The record as it stands now, so that the stream tells each state that a task went through. Answers its fields.
local function append_event(events, kept, name, id, record)
  local fields = redis.call('HGETALL', record)
  redis.call('XADD', events, 'MAXLEN', '~', kept, '*', 'event', name, 'id', id, unpack(short(fields)))
  return fields
end

local function field_of(fields, name)
  for at = 1, #fields, 2 do
    if fields[at] == name then return fields[at + 1] end
  end
end

local function milliseconds()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function require_type(key, expected)
  local actual = redis.call('TYPE', key).ok
  if actual ~= 'none' and actual ~= expected then
    return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. actual .. ', not a ' .. expected)
  end
end
