-- Reads the totals, and the counters of the minutes that they do not include yet, at one moment.
-- KEYS: 1 totals 2 prefix of the sums of minutes 3 prefix of the counters of minutes
-- ARGV: 1 limit on the number of minutes 2 how many minutes ago they begin where there are no totals
-- 3 how many minutes ago they begin at most: older counters are not stored any more
-- Replies {present minute, version, last minute of the totals, their text, first minute that they do
-- not include, {counters, sums} of each minute from that one on}. What is not there is false, and
-- what is damaged an error.
local present = math.floor(milliseconds() / 60000)
local stored = redis.pcall('HMGET', KEYS[1], 'v', 'm', 't')
local version, last, sums = stored, false, false
if not stored.err then version, last, sums = unpack(stored) end
local first = (tonumber(last or '') or present - ARGV[2] - 1) + 1
if first < present - ARGV[3] then first = present - ARGV[3] end
if first > present then first = present end -- the clock has stepped back
local reply = {present, version, last, sums, first}
for minute = first, math.min(present, first + ARGV[1] - 1) do
  reply[#reply + 1] = {
    redis.pcall('HGETALL', KEYS[3] .. text(minute)), redis.pcall('GET', KEYS[2] .. text(minute)),
  }
end
return reply
