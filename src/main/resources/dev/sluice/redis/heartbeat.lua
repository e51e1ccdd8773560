-- purpose: renews the lease of one dispatcher incarnation, and with it the lease of every task it holds
-- KEYS:    the queue's keys (common.lua)
-- ARGV:    incarnation, lease in ms
-- RETURNS: {0, up to 256 ids of running tasks, anybody's, that are to be stopped...} renewed, {2, the same} renewed, but the queue's
--          settings are gone: join once more, {1} lapsed: marked for recovery or gone; cancel every handler and join anew
-- FROM→TO: none
local incarnation, lease_ms = ARGV[1], tonumber(ARGV[2])
local score = call('ZSCORE', DISPATCHERS, incarnation)
local meta = call('HMGET', META, 'seen', 'lease', 'protocol', 'shortest')
local cancelling = call('SRANDMEMBER', CANCELLING, 256)
call('HDEL', META, '')
if not score or tonumber(score) <= 0 then
  return { 1 }
end
local now = clock_ms()
-- The first to be back speaks for all who cannot yet: its sign of life must not make their silence look like death.
local shortest, longest = math.min(lease_ms, tonumber(meta[4]) or lease_ms), math.max(lease_ms, tonumber(meta[2]) or 0)
if tonumber(meta[4]) ~= shortest or tonumber(meta[2]) ~= longest then -- somebody removed them, and others joined anew since
  call('HSET', META, 'lease', longest, 'shortest', shortest)
end
forgive(now, shortest, longest, tonumber(meta[1]) or 0)
call('ZADD', DISPATCHERS, 'XX', now + lease_ms, incarnation)
return { meta[3] and 0 or 2, unpack(cancelling) }
