-- Applies effects to one task or many: all of them, or none.
-- KEYS: every key that an effect names. ARGV: 1 a letter for each key: its type, or - where nothing needs to be asked
-- 2 how many arguments the guards take 3 the guards, then the writes: each its word, its count of arguments and the
-- arguments, where a key is given as its index in KEYS. First all types and guards are checked, then all is written.
-- Answers {1, now in ms, wake-ups put, what was claimed}, or {0, the guard that refused, its detail}.
-- One chain of words a pass, and no function for each: making those anew for every call costs as much as the effects.

-- The guards:
--   version <record> <expected>            the stored version; empty for a task that must not exist
--   expired <leases> <member>              the lease has run out
--   run <record> <claim>                   the run that this claim started goes on
--   placed <sorted set> <member> <score>   the member stands where it stood
--   front <list> <value>                   the value is among the first 1,000 of the list
--   open <key>                             the key is not there
--   new <record> <count>                   so many keys from that one on are not there
--   absent <key>                           the key is not there; what it holds is told
--   room <set> <limit> <name> …            the set has room for those of the distinct names that it lacks; they are told
-- The writes:
--   keep <key> <value>                     the key holds the value and the present time behind it
--   remember <key> <value> <ms>            the key holds the value for so long
--   set <hash> <field> <value> …, unset <hash> <field> …
--   stamp <hash> <field> [<field> <value> …]  the first of the fields with the present time
--   add <hash> <field> <number>            the field is gone when it comes to nothing, or was no number
--   delete <key>
--   create <record> <count> <waiting> <sequence> <base> <stream> <kept> <event> <status> <version>
--          (<member> <n> <n fields and values>) …
--                                          so many new records, from that one on, with this status, version and
--                                          the present time as that of the submission, and an event of each; they
--                                          take the next places in the queue, or none where the base is empty
--   index_all <sorted set> <member> …      each with the present time
--   index <sorted set> <member> [<score>, else the present time], unindex <sorted set> <member>
--   enqueue <waiting> <record> <sequence> <member> <base> <step>
--                                          a task keeps the place that it first drew; places are numbers below the step,
--                                          on top of the base of its priority
--   member <set> <value>
--   rest <set> <sorted set> <value>        the value leaves the set while the sorted set is empty
--   forget <set> <sorted set> <paused> <list> <value>
--                                          the value leaves the set, and the list goes, while the sorted set is empty and
--                                          the value is not paused
--   drop <list> <value>                    the first of these values leaves the list
--   count <prefix> <field> [<number>]      one or so many more in the hash of the present minute, kept for two hours
--   extend <key> <ms>                      the key is kept for so long from now
--   copy <key> <record> <ms>               the key becomes what the record is now, for so long
--   append <hash> <ms> <value>             the next of the numbered fields, the last 1,000 of which are kept; all for so long
--   push <list> <value>, push_dated <list> <value>, which appends the present time to the value
--   log <list> <record> <kept> <bytes> <line> …  the present time is put before each line; the oldest lines beyond so many,
--                                          or beyond so many bytes together, are dropped; the record counts the bytes
--   event <stream> <record> <kept> <name> <member>   the record as it stands now
--   wake_up <list> <waiting> <sequence> <paused> <queue> <bound> <template>
--   claim                                  see claim.lua
local types, writes, last, now = ARGV[1], 3 + ARGV[2], #ARGV, milliseconds()

-- To ask for the length of a key of another type is an error, and costs less than to ask for the type.
local LENGTH = {h = 'HLEN', z = 'ZCARD', l = 'LLEN', s = 'SCARD', x = 'XLEN'}
for place, letter in string.gmatch(types, '()(%a)') do
  if type(redis.pcall(LENGTH[letter], KEYS[place])) == 'table' then
    return redis.error_reply('WRONGTYPE ' .. KEYS[place] .. ' is of a type that has no ' .. LENGTH[letter])
  end
end

local at = 3
while at < writes do
  local word, key, first = ARGV[at], KEYS[ARGV[at + 2] + 0], ARGV[at + 3]
  local holds, detail = true, false
  if word == 'version' then
    holds = (call('HGET', key, 'v') or '') == first
  elseif word == 'expired' then
    local score = call('ZSCORE', key, first)
    holds = not score or score + 0 <= now
  elseif word == 'run' then
    local status, holder = unpack(call('HMGET', key, 's', 'c'))
    holds = status == 'PROCESSING' and holder == first
  elseif word == 'placed' then
    holds = (call('ZSCORE', key, first) or -1) + 0 == ARGV[at + 4] + 0
  elseif word == 'front' then
    holds = call('LPOS', key, first, 'MAXLEN', 1000) ~= false
  elseif word == 'open' then
    holds = call('EXISTS', key) == 0
  elseif word == 'new' then
    holds = call('EXISTS', unpack(KEYS, ARGV[at + 2] + 0, ARGV[at + 2] + first - 1)) == 0
  elseif word == 'absent' then
    detail = call('GET', key)
    holds = not detail
  elseif word == 'room' then
    local unknown = {}
    for name = at + 4, at + 1 + ARGV[at + 1] do
      if call('SISMEMBER', key, ARGV[name]) == 0 then unknown[#unknown + 1] = ARGV[name] end
    end
    holds = #unknown == 0 or call('SCARD', key) + #unknown <= first + 0
    detail = unknown
  end
  if not holds then return {0, word, detail} end
  at = at + 2 + ARGV[at + 1]
end

-- Counters are for people only: pcall, since a damaged one must not end the script between two of its writes.
local put, claimed = 0, false
while at <= last do
  local word, key, first, second = ARGV[at], KEYS[ARGV[at + 2] + 0], ARGV[at + 3], ARGV[at + 4]
  local following = at + 2 + ARGV[at + 1]
  if word == 'create' then
    local before, count, waiting, base = ARGV[at + 2] - 1, first + 0, key_of(at + 4), ARGV[at + 6]
    local stream, kept, name, submitted = key_of(at + 7), ARGV[at + 8], ARGV[at + 9], text(now)
    local status, version, waits, entries, from = ARGV[at + 10], ARGV[at + 11], base ~= '', {}, at + 12
    local rank = waits and base + call('INCRBY', key_of(at + 5), count) - count
    for number = 1, count do
      local member, behind = ARGV[from], from + 2 + ARGV[from + 1]
      local fields
      if waits then
        local place = text(rank + number)
        fields = {'s', status, 'v', version, 'u', submitted, 'q', place, unpack(ARGV, from + 2, behind - 1)}
        entries[2 * number - 1], entries[2 * number] = place, member
      else
        fields = {'s', status, 'v', version, 'u', submitted, unpack(ARGV, from + 2, behind - 1)}
      end
      call('HSET', KEYS[before + number], unpack(fields))
      call('XADD', stream, 'MAXLEN', '~', kept, '*', 'event', name, 'id', member, 'record', packed(short(fields)))
      from = behind
    end
    if waits then call('ZADD', waiting, unpack(entries)) end
  elseif word == 'index_all' then
    local entries, submitted = {}, text(now)
    for place = at + 3, following - 1 do
      entries[#entries + 1], entries[#entries + 2] = submitted, ARGV[place]
    end
    call('ZADD', key, unpack(entries))
  elseif word == 'set' then
    call('HSET', key, unpack(ARGV, at + 3, following - 1))
  elseif word == 'stamp' then
    call('HSET', key, first, now, unpack(ARGV, at + 4, following - 1))
  elseif word == 'unset' then
    call('HDEL', key, unpack(ARGV, at + 3, following - 1))
  elseif word == 'index' then
    call('ZADD', key, following > at + 4 and second or now, first)
  elseif word == 'unindex' then
    call('ZREM', key, first)
  elseif word == 'event' then
    append_event(key, second, ARGV[at + 5], ARGV[at + 6], key_of(at + 3))
  elseif word == 'push_dated' then
    call('RPUSH', key, first .. text(now))
  elseif word == 'count' then
    local minute = key .. math.floor(now / 60000)
    local number = following > at + 4 and second + 0 or 1
    if redis.pcall('HINCRBY', minute, first, number) == number then call('EXPIRE', minute, 7200) end
  elseif word == 'enqueue' then
    local record, sequence, member = key_of(at + 3), key_of(at + 4), ARGV[at + 5]
    local rank = call('HGET', record, 'q')
    local place = rank and rank % ARGV[at + 7] or call('INCR', sequence)
    rank = text(ARGV[at + 6] + place)
    call('HSET', record, 'q', rank)
    call('ZADD', key, rank, member)
  elseif word == 'wake_up' then
    local waiting, sequence, paused = key_of(at + 3), key_of(at + 4), key_of(at + 5)
    if call('SISMEMBER', paused, ARGV[at + 6]) == 0 then
      put = put + top_up(key, waiting, sequence, ARGV[at + 7], ARGV[at + 8])
    end
  elseif word == 'claim' then
    claimed = claim(now, at + 2)
  elseif word == 'member' then
    call('SADD', key, first)
  elseif word == 'add' then
    local sum = redis.pcall('HINCRBY', key, first, second)
    if type(sum) == 'table' or sum <= 0 then call('HDEL', key, first) end
  elseif word == 'keep' then
    call('SET', key, first .. text(now))
  elseif word == 'remember' then
    call('SET', key, first, 'PX', second)
  elseif word == 'delete' then
    call('DEL', key)
  elseif word == 'copy' then
    call('COPY', key_of(at + 3), key, 'REPLACE')
    call('PEXPIRE', key, second)
  elseif word == 'extend' then
    call('PEXPIRE', key, first)
  elseif word == 'append' then
    local number = call('HINCRBY', key, 'last', 1)
    call('HSET', key, number, second)
    call('HDEL', key, number - 1000)
    call('PEXPIRE', key, first)
  elseif word == 'push' then
    call('RPUSH', key, first)
  elseif word == 'log' then
    local record, lines, time = key_of(at + 3), {unpack(ARGV, at + 6, following - 1)}, text(now) .. ' '
    local size = call('HGET', record, 'l')
    if not size then -- an older version wrote the log and did not count
      size = 0
      for _, line in ipairs(call('LRANGE', key, 0, -1)) do size = size + #line end
    end
    for number, line in ipairs(lines) do
      lines[number] = time .. line
      size = size + #lines[number]
    end
    local length = call('RPUSH', key, unpack(lines))
    while length > 0 and (length > second + 0 or size > ARGV[at + 5] + 0) do
      size = size - #call('LPOP', key)
      length = length - 1
    end
    call('HSET', record, 'l', length > 0 and size or 0)
  elseif word == 'rest' then
    if call('ZCARD', key_of(at + 3)) == 0 then call('SREM', key, ARGV[at + 4]) end
  elseif word == 'forget' then
    if call('ZCARD', key_of(at + 3)) == 0 and call('SISMEMBER', key_of(at + 4), ARGV[at + 6]) == 0 then
      call('SREM', key, ARGV[at + 6])
      call('DEL', key_of(at + 5))
    end
  elseif word == 'drop' then
    call('LREM', key, 1, first)
  end
  at = following
end
return {1, now, put, claimed}
