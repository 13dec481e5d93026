-- Renews the leases of many runs, all to one end, each unless another claim holds it (renew.lua).
-- KEYS: 1 leases 2... records   ARGV: 1 lease in ms, then id, fencing token and owner of each record
-- Replies one character for each: 0 another claim holds it, 1 renewed, 2 renewed and to be stopped.
local leases, ends = KEYS[1], milliseconds() + ARGV[1]
local said, renewed = {}, {}
for run = 1, #KEYS - 1 do
  local id, fencing_token, owner = unpack(ARGV, run * 3 - 1, run * 3 + 1)
  local status, holding_token, holder, cancel =
    unpack(redis.pcall('HMGET', KEYS[run + 1], 's', 'c', 'o', 'x'))
  if status ~= 'PROCESSING' or holding_token ~= fencing_token or holder ~= owner then
    said[run] = '0'
  else
    said[run] = cancel and '2' or '1'
    renewed[#renewed + 1], renewed[#renewed + 2] = ends, id
  end
end
if #renewed > 0 then call('ZADD', leases, unpack(renewed)) end
return table.concat(said)
