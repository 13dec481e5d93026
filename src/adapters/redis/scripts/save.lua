-- Applies effects to one task or many: all of them, or none.
-- KEYS: every key that an effect names. ARGV: per effect its word, its count of arguments and the arguments,
-- where a key is given as its index in KEYS. First all guards and key types are checked, then all is written.
-- Answers {1, now in ms}, or {0, the guard that refused, its detail}.
local now = milliseconds()
local GUARDS, WRITES, TYPES = {}, {}, {}

-- version <record> <expected>: the stored version; empty for a task that must not exist.
TYPES.version = 'hash'
function GUARDS.version(key, expected)
  return (redis.call('HGET', key, 'v') or '') == expected
end

-- expired <leases> <member>: the lease has run out.
TYPES.expired = 'zset'
function GUARDS.expired(key, member)
  local score = redis.call('ZSCORE', key, member)
  return not score or tonumber(score) <= now
end

-- run <record> <claim>: the run that this claim started goes on.
TYPES.run = 'hash'
function GUARDS.run(key, claim)
  local status, holder = unpack(redis.call('HMGET', key, 's', 'c'))
  return status == 'PROCESSING' and holder == claim
end

-- placed <sorted set> <member> <score>: the member stands where it stood.
TYPES.placed = 'zset'
function GUARDS.placed(key, member, score)
  return tonumber(redis.call('ZSCORE', key, member) or -1) == tonumber(score)
end

-- open <key>: the key is not there.
function GUARDS.open(key)
  return redis.call('EXISTS', key) == 0
end

-- absent <key> <value>: the key does not exist; it is set to the value and the present time behind it.
TYPES.absent = 'string'
function GUARDS.absent(key)
  local present = redis.call('GET', key)
  return not present, present
end
function WRITES.absent(key, value)
  redis.call('SET', key, value .. string.format('%.0f', now))
end

-- remember <key> <value> <ms>: the key holds the value for so long.
function WRITES.remember(key, value, ms)
  redis.call('SET', key, value, 'PX', ms)
end

-- set <hash> <field> <value> …, stamp <hash> <field> (with the present time), unset <hash> <field> …
TYPES.set = 'hash'
function WRITES.set(key, ...)
  redis.call('HSET', key, ...)
end
TYPES.stamp = 'hash'
function WRITES.stamp(key, field)
  redis.call('HSET', key, field, now)
end
TYPES.unset = 'hash'
function WRITES.unset(key, ...)
  redis.call('HDEL', key, ...)
end

-- add <hash> <field> <number>: the field is gone when it comes to nothing.
TYPES.add = 'hash'
function WRITES.add(key, field, number)
  if redis.call('HINCRBY', key, field, number) <= 0 then redis.call('HDEL', key, field) end
end

-- delete <key>
function WRITES.delete(key)
  redis.call('DEL', key)
end

-- index <sorted set> <member> [<score>, else the present time], unindex <sorted set> <member>
TYPES.index = 'zset'
function WRITES.index(key, member, score)
  redis.call('ZADD', key, score or now, member)
end
TYPES.unindex = 'zset'
function WRITES.unindex(key, member)
  redis.call('ZREM', key, member)
end

-- enqueue <waiting> <record> <sequence> <member> <base> <step>: a task keeps the place that it first drew; places are
-- numbers below the step, on top of the base of its priority.
TYPES.enqueue = 'zset'
function WRITES.enqueue(key, record, sequence, member, base, step)
  record, sequence = KEYS[tonumber(record)], KEYS[tonumber(sequence)]
  local rank = redis.call('HGET', record, 'q')
  local place = rank and tonumber(rank) % tonumber(step) or redis.call('INCR', sequence)
  rank = string.format('%.0f', tonumber(base) + place)
  redis.call('HSET', record, 'q', rank)
  redis.call('ZADD', key, rank, member)
end

-- member <set> <value>
TYPES.member = 'set'
function WRITES.member(key, value)
  redis.call('SADD', key, value)
end

-- count <prefix> <field>: one more in the hash of the present minute, which is kept for two hours.
function WRITES.count(prefix, field)
  local key = prefix .. string.format('%.0f', math.floor(now / 60000))
  if redis.call('HINCRBY', key, field, 1) == 1 then redis.call('EXPIRE', key, 7200) end
end

-- copy <key> <record> <ms>: the key becomes what the record is now, for so long.
function WRITES.copy(key, record, ms)
  redis.call('COPY', KEYS[tonumber(record)], key, 'REPLACE')
  redis.call('PEXPIRE', key, ms)
end

-- append <hash> <ms> <value>: the next of the numbered fields, of which the last 1,000 are kept; all for so long.
TYPES.append = 'hash'
function WRITES.append(key, ms, value)
  local number = redis.call('HINCRBY', key, 'last', 1)
  redis.call('HSET', key, number, value)
  redis.call('HDEL', key, number - 1000)
  redis.call('PEXPIRE', key, ms)
end

-- push <list> <value>, push_dated <list> <value>: the present time is appended to the value.
TYPES.push = 'list'
function WRITES.push(key, value)
  redis.call('RPUSH', key, value)
end
TYPES.push_dated = 'list'
function WRITES.push_dated(key, value)
  redis.call('RPUSH', key, value .. string.format('%.0f', now))
end

-- log <list> <kept> <line> …: the present time is put before each line; the oldest beyond so many are dropped.
TYPES.log = 'list'
function WRITES.log(key, kept, ...)
  local lines, time = {...}, string.format('%.0f ', now)
  for at, line in ipairs(lines) do lines[at] = time .. line end
  redis.call('RPUSH', key, unpack(lines))
  redis.call('LTRIM', key, -tonumber(kept), -1)
end

-- event <stream> <record> <kept> <name> <member>: the record as it stands now.
TYPES.event = 'stream'
function WRITES.event(key, record, kept, name, member)
  append_event(key, kept, name, member, KEYS[tonumber(record)])
end

-- tokens <list> <waiting> <sequence> <paused> <queue> <bound> <template>
TYPES.tokens = 'list'
function WRITES.tokens(key, waiting, sequence, paused, queue, bound, template)
  waiting, sequence, paused = KEYS[tonumber(waiting)], KEYS[tonumber(sequence)], KEYS[tonumber(paused)]
  return top_up(key, waiting, sequence, paused, queue, bound, template)
end

local function each_effect(visit)
  local at = 1
  while at <= #ARGV do
    local word, count = ARGV[at], tonumber(ARGV[at + 1])
    local refused = visit(word, KEYS[tonumber(ARGV[at + 2])], unpack(ARGV, at + 3, at + 1 + count))
    if refused then return refused end
    at = at + 2 + count
  end
end

local checked = {}
local refused = each_effect(function(word, key, ...)
  if not GUARDS[word] and not WRITES[word] then return redis.error_reply('ERR unknown effect ' .. word) end
  local expected = TYPES[word]
  if expected and checked[key] ~= expected then
    local wrong = require_type(key, expected)
    if wrong then return wrong end
    checked[key] = expected
  end
  if GUARDS[word] then
    local holds, detail = GUARDS[word](key, ...)
    if not holds then return {0, word, detail or false} end
  end
end)
if refused then return refused end

local put = 0
each_effect(function(word, key, ...)
  local answer = WRITES[word] and WRITES[word](key, ...)
  put = put + (answer or 0)
end)
return {1, now, put}
