-- Renews the lease of a run. Replies 1, or 0 when the task is not running under this fencing token
-- and owner. After a failover that lost a claim, the next claim may have the same token.
-- KEYS: 1 record 2 leases   ARGV: 1 id 2 fencing token 3 owner 4 lease in ms
local record, leases = unpack(KEYS)
local id, fencing_token, owner, lease = unpack(ARGV)
local status, holding_token, holder = unpack(call('HMGET', record, 's', 'c', 'o'))
if status ~= 'PROCESSING' or holding_token ~= fencing_token or holder ~= owner then return 0 end
call('ZADD', leases, milliseconds() + lease, id)
return 1
