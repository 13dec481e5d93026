-- Applies effects to one task or many: all of them, or none.
--
-- KEYS: every key that an effect names.
-- ARGV: 1 one letter per key: its type, or - where the type is not checked
--       2 the number of arguments that all guards take together
--       3... the guards, then the writes, each as: word, number of arguments, arguments. A key is
--       given as its index in KEYS.
-- All types and guards are checked before the first write.
-- Replies {1, present time in ms, number of wake-ups put, what was claimed or false, what
-- require_units replied if it was there}, or {0, word of the guard that refused, its detail or
-- false}.
-- An unknown word is an error. It may come after earlier writes, since a check in advance would
-- cost every call; a unit test holds the words to those of effects.py.
-- Each pass is one chain of comparisons: making a table of functions for each call would cost as
-- much as the effects themselves.
--
-- Guards:
--   require_version <record> <version>      the stored version; empty: the record does not exist
--   require_passed <sorted set> <member>    the score has passed, or the member is not there
--   require_run <record> <fencing token>    the task is running under this token
--   require_score <sorted set> <member> <score>
--   require_member <sorted set> <member>
--   require_near_front <list> <value>       the value is among the first 1,000
--   require_absent <key>
--   require_all_absent <key> <count>        so many keys, from this one on
--   require_no_value <string>               the string does not exist; the detail is its value
--   require_room <set> <limit> <member> ... the set has room for the members that it lacks, which
--                                           are the detail; the members are distinct
--   require_units <hash> <units> <limit> <ms>
--                                           the caller has the units left; see count_units, whose
--                                           reply is the detail. It counts them, so it comes last
-- Writes:
--   create_records <record> <count> <waiting> <sequence> <base> <stream> <length> <event> <status>
--       <version> <actor> (<id> <n> <n fields and values>) ...
--                                           create so many records, from this key on, submitted
--                                           now, and an event of each; they take the next places
--                                           in the queue, or none where the base is empty
--   set_fields <hash> (<field> <value>) ...
--   set_time <hash> <field> [<field> <value>] ...
--                                           set the first field to the present time
--   unset_fields <hash> <field> ...
--   add_to_field <hash> <field> <number>    delete the field when the sum is 0 or less, or when
--                                           the field was no number
--   append_delivery <hash> <ms> <value> <stream> <length> <id> <host>
--                                           set the next numbered field, and keep the last 1,000;
--                                           append the same to the stream, if it is one
--   set_dated <string> <value>              the value with the present time behind it
--   set_for <string> <value> <ms>
--   set_value <string> <value>
--   raise_counter <string> <number>         set the counter to the number, unless it is at least that
--   expire_in <key> <ms>
--   delete <key>
--   add_to_index <sorted set> <member> [<score>]   by the present time without a score
--   add_all_to_index <sorted set> <member> ...     by the present time
--   remove_from_index <sorted set> <member>
--   enqueue <waiting> <record> <sequence> <id> <base> <step>
--                                           a task keeps the place that it first drew; places are
--                                           below the step, and count from the priority's base
--   add_to_set <set> <member>
--   remove_from_set <set> <member>
--   remove_if_empty <set> <sorted set> <member>
--                                           remove the member while the sorted set is empty
--   forget_queue <queues> <sorted set> <paused> <list> <queue>
--                                           remove the queue and the list while the sorted set is
--                                           empty and the queue is not paused
--   push <list> <value>
--   push_dated <list> <value>               the value with the present time behind it
--   append_dated <list> <length> <value>    push the value with the present time behind it, and keep
--                                           so many; nothing where the key is no list
--   remove_from_list <list> <value>         the first of these values
--   append_log <list> <record> <lines> <bytes> <line> ...
--                                           append each line with the present time before it;
--                                           drop the oldest beyond either limit; the record
--                                           counts the bytes and the dropped lines
--   append_event <stream> <record> <length> <event> <id> <actor>
--                                           with the record as it is now, and who changed it unless
--                                           that is empty
--   append_entry <stream> <length> <field> <value> ...
--   copy_record <key> <record> <ms>         the record as it is now, without secrets
--   count_in_minute <prefix> <field> <number> <seconds> <limit>
--                                           add to a field of a hash for each minute, which is
--                                           kept for so many seconds; a field beyond the limit
--                                           counts under its first letter
--   count <hash> <field>                    add 1 to a counter of statistics; a damaged one starts
--                                           again
--   top_up_wake_ups <list> <waiting> <sequence> <paused> <queue> <bound> <template>
--   claim                                   see claim.lua
local types, writes, last, now = ARGV[1], 3 + ARGV[2], #ARGV, milliseconds()

-- Reading the length of a key of another type is an error. It costs less than TYPE.
local LENGTH = {h = 'HLEN', z = 'ZCARD', l = 'LLEN', s = 'SCARD', x = 'XLEN'}
for place, letter in string.gmatch(types, '()(%a)') do
  if type(redis.pcall(LENGTH[letter], KEYS[place])) == 'table' then
    local reason = ' is of a type that has no ' .. LENGTH[letter]
    return redis.error_reply('WRONGTYPE ' .. KEYS[place] .. reason)
  end
end

local at, counted = 3, nil
while at < writes do
  local word, key, first = ARGV[at], KEYS[ARGV[at + 2] + 0], ARGV[at + 3]
  local holds, detail = true, false
  if word == 'require_version' then
    holds = (call('HGET', key, 'v') or '') == first
  elseif word == 'require_passed' then
    local score = call('ZSCORE', key, first)
    holds = not score or score + 0 <= now
  elseif word == 'require_run' then
    local status, holder = unpack(call('HMGET', key, 's', 'c'))
    holds = status == 'PROCESSING' and holder == first
  elseif word == 'require_score' then
    holds = (call('ZSCORE', key, first) or -1) + 0 == ARGV[at + 4] + 0
  elseif word == 'require_member' then
    holds = call('ZSCORE', key, first) ~= false
  elseif word == 'require_near_front' then
    holds = call('LPOS', key, first, 'MAXLEN', 1000) ~= false
  elseif word == 'require_absent' then
    holds = call('EXISTS', key) == 0
  elseif word == 'require_all_absent' then
    holds = call('EXISTS', unpack(KEYS, ARGV[at + 2] + 0, ARGV[at + 2] + first - 1)) == 0
  elseif word == 'require_no_value' then
    detail = call('GET', key)
    holds = not detail
  elseif word == 'require_room' then
    local unknown = {}
    for name = at + 4, at + 1 + ARGV[at + 1] do
      if call('SISMEMBER', key, ARGV[name]) == 0 then unknown[#unknown + 1] = ARGV[name] end
    end
    holds = #unknown == 0 or call('SCARD', key) + #unknown <= first + 0
    detail = unknown
  elseif word == 'require_units' then
    counted = count_units(key, first + 0, ARGV[at + 4] + 0, ARGV[at + 5] + 0, now)
    holds, detail = counted[1] == 1, counted
  else
    return redis.error_reply('ERR unknown guard ' .. word)
  end
  if not holds then return {0, word, detail} end
  at = at + 2 + ARGV[at + 1]
end

-- Statistics are written with pcall: a damaged counter must not end the script between two writes.
local wake_ups, claimed = 0, false
while at <= last do
  local word, key, first, second = ARGV[at], KEYS[ARGV[at + 2] + 0], ARGV[at + 3], ARGV[at + 4]
  local following = at + 2 + ARGV[at + 1]
  if word == 'create_records' then
    local before, count, waiting, base = ARGV[at + 2] - 1, first + 0, key_of(at + 4), ARGV[at + 6]
    local stream, length, name, submitted = key_of(at + 7), ARGV[at + 8], ARGV[at + 9], text(now)
    local status, version, actor = ARGV[at + 10], ARGV[at + 11], ARGV[at + 12]
    local waits, entries, from = base ~= '', {}, at + 13
    local rank = waits and base + next_number(key_of(at + 5), count) - count
    for number = 1, count do
      local member, behind = ARGV[from], from + 2 + ARGV[from + 1]
      local fields
      if waits then
        local place = text(rank + number)
        fields = {'s', status, 'v', version, 'u', submitted, 'G', actor, 'q', place,
          unpack(ARGV, from + 2, behind - 1)}
        entries[2 * number - 1], entries[2 * number] = place, member
      else
        fields = {'s', status, 'v', version, 'u', submitted, 'G', actor,
          unpack(ARGV, from + 2, behind - 1)}
      end
      call('HSET', KEYS[before + number], unpack(fields))
      call('XADD', stream, 'MAXLEN', '~', length, '*',
        'event', name, 'id', member, 'record', packed(without_long_values(fields)))
      from = behind
    end
    if waits then call('ZADD', waiting, unpack(entries)) end
  elseif word == 'add_all_to_index' then
    local entries, submitted = {}, text(now)
    for place = at + 3, following - 1 do
      entries[#entries + 1], entries[#entries + 2] = submitted, ARGV[place]
    end
    call('ZADD', key, unpack(entries))
  elseif word == 'set_fields' then
    call('HSET', key, unpack(ARGV, at + 3, following - 1))
  elseif word == 'set_time' then
    call('HSET', key, first, now, unpack(ARGV, at + 4, following - 1))
  elseif word == 'unset_fields' then
    call('HDEL', key, unpack(ARGV, at + 3, following - 1))
  elseif word == 'add_to_index' then
    call('ZADD', key, following > at + 4 and second or now, first)
  elseif word == 'remove_from_index' then
    call('ZREM', key, first)
  elseif word == 'append_event' then
    append_event(key, second, ARGV[at + 5], ARGV[at + 6], key_of(at + 3), ARGV[at + 7])
  elseif word == 'append_entry' then
    call('XADD', key, 'MAXLEN', '~', first, '*', unpack(ARGV, at + 4, following - 1))
  elseif word == 'push_dated' then
    call('RPUSH', key, first .. text(now))
  elseif word == 'count_in_minute' then
    local minute, number = key .. math.floor(now / 60000), second + 0
    if redis.pcall('HINCRBY', minute, first, number) == number then -- a new field
      if call('HLEN', minute) > ARGV[at + 6] + 0 then
        call('HDEL', minute, first)
        redis.pcall('HINCRBY', minute, string.sub(first, 1, 1), number)
      end
      call('EXPIRE', minute, ARGV[at + 5])
    end
  elseif word == 'enqueue' then
    local record, sequence, member = key_of(at + 3), key_of(at + 4), ARGV[at + 5]
    local rank = tonumber(call('HGET', record, 'q') or '')
    local place = rank and rank % ARGV[at + 7] or next_number(sequence, 1)
    rank = text(ARGV[at + 6] + place)
    call('HSET', record, 'q', rank)
    call('ZADD', key, rank, member)
  elseif word == 'top_up_wake_ups' then
    local waiting, sequence, paused = key_of(at + 3), key_of(at + 4), key_of(at + 5)
    if call('SISMEMBER', paused, ARGV[at + 6]) == 0 then
      wake_ups = wake_ups + top_up(key, waiting, sequence, ARGV[at + 7], ARGV[at + 8])
    end
  elseif word == 'claim' then
    claimed = claim(now, at + 2)
  elseif word == 'add_to_set' then
    call('SADD', key, first)
  elseif word == 'remove_from_set' then
    call('SREM', key, first)
  elseif word == 'add_to_field' then
    local sum = redis.pcall('HINCRBY', key, first, second)
    if type(sum) == 'table' or sum <= 0 then call('HDEL', key, first) end
  elseif word == 'set_dated' then
    call('SET', key, first .. text(now))
  elseif word == 'set_for' then
    call('SET', key, first, 'PX', second)
  elseif word == 'delete' then
    call('DEL', key)
  elseif word == 'copy_record' then
    call('COPY', key_of(at + 3), key, 'REPLACE')
    call('HDEL', key, 'I')
    call('PEXPIRE', key, second)
  elseif word == 'expire_in' then
    call('PEXPIRE', key, first)
  elseif word == 'append_delivery' then
    local number = call('HINCRBY', key, 'last', 1)
    call('HSET', key, number, second)
    call('HDEL', key, number - 1000)
    call('PEXPIRE', key, first)
    redis.pcall('XADD', key_of(at + 5), 'MAXLEN', '~', ARGV[at + 6], '*',
      'id', ARGV[at + 7], 'host', ARGV[at + 8], 'number', number, 'attempt', second)
  elseif word == 'push' then
    call('RPUSH', key, first)
  elseif word == 'append_log' then
    local record, time = key_of(at + 3), text(now) .. ' '
    local lines = {unpack(ARGV, at + 6, following - 1)}
    local size = call('HGET', record, 'l')
    if not size then -- an older version wrote the log without counting its bytes
      size = 0
      for _, line in ipairs(call('LRANGE', key, 0, -1)) do size = size + #line end
    end
    for number, line in ipairs(lines) do
      lines[number] = time .. line
      size = size + #lines[number]
    end
    local length, dropped = call('RPUSH', key, unpack(lines)), 0
    while length > 0 and (length > second + 0 or size > ARGV[at + 5] + 0) do
      size = size - #call('LPOP', key)
      length, dropped = length - 1, dropped + 1
    end
    if dropped > 0 and type(redis.pcall('HINCRBY', record, 'k', dropped)) == 'table' then
      call('HSET', record, 'k', dropped)
    end
    call('HSET', record, 'l', length > 0 and size or 0)
  elseif word == 'remove_if_empty' then
    if call('ZCARD', key_of(at + 3)) == 0 then call('SREM', key, ARGV[at + 4]) end
  elseif word == 'forget_queue' then
    local is_empty = call('ZCARD', key_of(at + 3)) == 0
    if is_empty and call('SISMEMBER', key_of(at + 4), ARGV[at + 6]) == 0 then
      call('SREM', key, ARGV[at + 6])
      call('DEL', key_of(at + 5))
    end
  elseif word == 'append_dated' then
    local length = redis.pcall('RPUSH', key, second .. text(now))
    if type(length) == 'number' and length > first + 0 then call('LTRIM', key, -first, -1) end
  elseif word == 'remove_from_list' then
    call('LREM', key, 1, first)
  elseif word == 'set_value' then
    call('SET', key, first)
  elseif word == 'raise_counter' then
    if (tonumber(redis.pcall('GET', key) or '') or 0) < first + 0 then call('SET', key, first) end
  elseif word == 'count' then
    if type(redis.pcall('HINCRBY', key, first, 1)) == 'table' then
      redis.pcall('HDEL', key, first)
    end
  else
    return redis.error_reply('ERR unknown write ' .. word)
  end
  at = following
end
return {1, now, wake_ups, claimed, counted}
