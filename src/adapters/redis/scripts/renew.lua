-- Makes the lease of a run whole again, if the run is still this claim's.
-- KEYS: 1 record 2 leases   ARGV: 1 id 2 claim 3 lease in ms
local record, leases = unpack(KEYS)
local id, claim, lease = unpack(ARGV)
local wrong = require_type(record, 'hash') or require_type(leases, 'zset')
if wrong then return wrong end
local status, holder = unpack(redis.call('HMGET', record, 's', 'c'))
if status ~= 'PROCESSING' or holder ~= claim then return 0 end
redis.call('ZADD', leases, milliseconds() + tonumber(lease), id)
return 1
