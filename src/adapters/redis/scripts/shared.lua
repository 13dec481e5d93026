-- Stands before every script.

local call, KEYS, ARGV = redis.call, KEYS, ARGV

-- The key that an argument names by its index. Arithmetic reads a number from text for less than half of what tonumber costs.
local function key_of(at)
  return KEYS[ARGV[at] + 0]
end

-- A whole number in digits, also where a server's long has 32 bits.
local function text(number)
  return string.format('%.0f', number)
end

-- Puts tokens until there are min(waiting, bound).
-- The template holds @TOKEN@ where each token needs a number of its own.
local function top_up(tokens, waiting, sequence, bound, template)
  local wanted = math.min(call('ZCARD', waiting), bound)
  local missing = wanted - call('LLEN', tokens)
  for _ = 1, missing do
    call('LPUSH', tokens, (string.gsub(template, '@TOKEN@', text(call('INCR', sequence)))))
  end
  return math.max(missing, 0)
end

-- Without the payload (i) and the result (r) where they are long: there may be many events of one task. `omitted` names them.
local function short(fields)
  local told, omitted = fields, ''
  for at = #fields - 1, 1, -2 do
    if #fields[at + 1] > 4096 and (fields[at] == 'i' or fields[at] == 'r') then
      if omitted == '' then told = {unpack(fields)} end
      omitted = omitted .. table.remove(told, at)
      table.remove(told, at)
    end
  end
  if omitted == '' then return fields end
  told[#told + 1], told[#told + 2] = 'omitted', omitted
  return told
end

-- One text of fields and values, which hold no NUL: in a stream and in an answer it costs less than so many parts.
local function packed(fields)
  return table.concat(fields, '\0')
end

-- The record as it stands now, so that the stream tells each state that a task went through. Answers its fields.
local function append_event(events, kept, name, id, record)
  local fields = call('HGETALL', record)
  call('XADD', events, 'MAXLEN', '~', kept, '*', 'event', name, 'id', id, 'record', packed(short(fields)))
  return fields
end

local function field_of(fields, name)
  for at = 1, #fields, 2 do
    if fields[at] == name then return fields[at + 1] end
  end
end

local function milliseconds()
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

