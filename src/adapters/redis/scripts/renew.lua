-- Makes the lease of a run whole again, if the run is still this claim's.
-- KEYS: 1 record 2 leases   ARGV: 1 id 2 claim 3 lease in ms
local record, leases = unpack(KEYS)
local id, claim, lease = unpack(ARGV)
local status, holder = unpack(call('HMGET', record, 's', 'c'))
if status ~= 'PROCESSING' or holder ~= claim then return 0 end
call('ZADD', leases, milliseconds() + lease, id)
return 1
