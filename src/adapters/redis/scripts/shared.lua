-- Functions for all scripts. This file comes before every script.

local call, KEYS, ARGV = redis.call, KEYS, ARGV

-- Returns the key whose index in KEYS an argument holds. Arithmetic turns text into a number for
-- less than half the cost of tonumber.
local function key_of(at)
  return KEYS[ARGV[at] + 0]
end

-- Returns a whole number as digits, also on servers whose long has 32 bits.
local function text(number)
  return string.format('%.0f', number)
end

-- Returns the present time in milliseconds since 1970.
local function milliseconds()
  local time = call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Takes the next numbers of a counter and returns the last of them. A counter that is no number
-- starts again at the present time in milliseconds, which is more than it ever was.
local function next_number(counter, count)
  local last = redis.pcall('INCRBY', counter, count)
  if type(last) ~= 'number' then
    last = milliseconds() + count
    call('SET', counter, text(last))
  end
  return last
end

-- Puts wake-ups until there are min(number of waiting tasks, bound). Returns how many it put.
-- The template holds @NUMBER@ in place of a number that each wake-up has of its own.
local function top_up(wake_ups, waiting, sequence, bound, template)
  local wanted = math.min(call('ZCARD', waiting), bound)
  local missing = wanted - call('LLEN', wake_ups)
  for _ = 1, missing do
    call('LPUSH', wake_ups, (string.gsub(template, '@NUMBER@', text(next_number(sequence, 1)))))
  end
  return math.max(missing, 0)
end

-- Returns fields and values without secrets (I), and without a payload (i) and a result (r) of more
-- than 4096 bytes, since there may be many events of one task. The field `omitted` names the latter.
local function without_long_values(fields)
  local kept, omitted = fields, ''
  for at = #fields - 1, 1, -2 do
    local name = fields[at]
    local is_long = #fields[at + 1] > 4096 and (name == 'i' or name == 'r')
    if is_long or name == 'I' then
      if kept == fields then kept = {unpack(fields)} end
      if is_long then omitted = omitted .. name end
      table.remove(kept, at)
      table.remove(kept, at)
    end
  end
  if omitted == '' then return kept end
  kept[#kept + 1], kept[#kept + 2] = 'omitted', omitted
  return kept
end

-- Joins fields and values, which hold no NUL, into one text. In a stream and in a reply it costs
-- less than many parts.
local function packed(fields)
  return table.concat(fields, '\0')
end

-- Appends an event with the record as it is now, so that the stream holds each state of a task.
-- The actor, who made the change, goes with it unless it is empty. Returns the fields of the record.
local function append_event(events, max_length, name, id, record, actor)
  local fields = call('HGETALL', record)
  local entry = packed(without_long_values(fields))
  if actor ~= '' then entry = entry .. '\0by\0' .. actor end
  call('XADD', events, 'MAXLEN', '~', max_length, '*', 'event', name, 'id', id, 'record', entry)
  return fields
end

local function field_of(fields, name)
  for at = 1, #fields, 2 do
    if fields[at] == name then return fields[at + 1] end
  end
end

-- Counts units of a caller, unless its limit has fewer left. `key` is a hash of the units used in
-- each sixtieth of the window. The present part and the 60 before it cover a window at each moment.
-- Replies {1 if counted or 0, units left, ms until the first used ones come back, ms until the
-- wanted ones fit}. What is damaged, old, or ahead since the clock was set back, is dropped.
local function count_units(key, units, limit, window, now)
  local stored, present = redis.pcall('HGETALL', key), math.floor(now * 60 / window)
  if stored.err then
    call('DEL', key)
    stored = {}
  end
  local used, parts, units_of = 0, {}, {}
  for at = 1, #stored, 2 do
    local part, number = tonumber(stored[at]), tonumber(stored[at + 1])
    if part and number and part <= present and part >= present - 60 then
      used, parts[#parts + 1], units_of[part] = used + number, part, number
    else
      call('HDEL', key, stored[at])
    end
  end
  local fits = used + units <= limit
  if fits then
    call('HINCRBY', key, text(present), units)
    call('PEXPIRE', key, math.ceil(window * 62 / 60))
    if not units_of[present] then parts[#parts + 1] = present end
    used = used + units
  end
  table.sort(parts)
  local function back(part) return part and math.ceil((part + 61) * window / 60) - now or 0 end
  local at, missing = 0, fits and 0 or used + units - limit
  while missing > 0 and at < #parts do
    at = at + 1
    missing = missing - units_of[parts[at]]
  end
  return {fits and 1 or 0, limit - used, back(parts[1]), back(parts[at])}
end
