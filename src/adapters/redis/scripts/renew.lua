-- Renews the lease of a run. Replies 1, or 0 when the task is not running under this fencing token.
-- KEYS: 1 record 2 leases   ARGV: 1 id 2 fencing token 3 lease in ms
local record, leases = unpack(KEYS)
local id, fencing_token, lease = unpack(ARGV)
local status, holder = unpack(call('HMGET', record, 's', 'c'))
if status ~= 'PROCESSING' or holder ~= fencing_token then return 0 end
call('ZADD', leases, milliseconds() + lease, id)
return 1
