-- Reads the log of a task after a line.
-- KEYS: 1 record 2 log   ARGV: 1 number of the last line that is known 2 most lines to read, or -1
-- Replies the number of lines before the first one, and the stored lines that are not known.
local dropped = tonumber(call('HGET', KEYS[1], 'k') or 0) or 0
local first, most = math.max(ARGV[1] - dropped, 0), ARGV[2] + 0
local last = most < 0 and -1 or first + most - 1
return {text(dropped + first), call('LRANGE', KEYS[2], text(first), text(last))}
