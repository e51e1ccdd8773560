-- purpose: makes a new dispatcher incarnation known and checks that it speaks this queue's protocol
-- KEYS:    the queue's keys (common.lua), the record of whose status hash this is; of who works on the queue its claimed
--          hash, so that a right to that which is missing shows here
-- ARGV:    incarnation, lease in ms, protocol version, delivery mode, status key
-- RETURNS: {0, 1 = results of its tasks are kept just now, since when in ms the queue is there, the time in ms} joined,
--          {1, field, stored value} refused: the queue is run with another version, mode or status key, or the status key
--          is another queue's. Error NOPERM: the user of a dispatcher lacks a command that tasks are moved with
-- FROM→TO: none
local incarnation, lease_ms, protocol, delivery, status_key = unpack(ARGV)
local OWNER = CLAIMED -- the key in that place, which for this verb is another
local size = lengths()
local stored = call('HMGET', META, 'protocol', 'delivery', 'status-key', 'lease', 'results', 'born', 'shortest')
if stored[1] and tonumber(stored[1]) ~= tonumber(protocol) then
  return { 1, 'protocol', stored[1] }
elseif stored[2] and stored[2] ~= delivery then
  return { 1, 'delivery', stored[2] }
elseif stored[3] and stored[3] ~= status_key then
  return { 1, 'status-key', stored[3] }
end
-- Two queues with one status hash would each remove the other's statuses. The default key carries the queue's own name.
local chosen = status_key ~= '{' .. PLAIN .. '}:status'
local owner = chosen and call('GET', OWNER)
if owner and owner ~= PLAIN then
  return { 1, 'status-owner', owner }
end
call('HDEL', META, '')
local born = stored[6] or string.format('%.0f', clock_ms())
call('HSET', META, 'protocol', protocol, 'delivery', delivery, 'status-key', status_key, 'born', born)

-- A right that is missing shows here, and not when half of a move is made. None of these does anything to a hash but say so.
local WRITES = {
  { 'RPUSH', '' }, { 'LPUSH', '' }, { 'LTRIM', 0, 0 }, { 'ZADD', 0, '' }, { 'ZREM', '' }, { 'ZREMRANGEBYRANK', 0, 0 },
  { 'SADD', '' }, { 'SREM', '' }, { 'HINCRBY', '', 0 }, { 'SET', '', 'NX' },
}
for i = 1, incarnation ~= '' and #WRITES or 0 do
  local command = WRITES[i]
  local _, thrown = pcall(call, command[1], META, unpack(command, 2))
  local failure = type(thrown) == 'table' and thrown.err or tostring(thrown)
  if string.find(failure, "can't run", 1, true) or string.find(failure, 'ACL failure') or string.find(failure, 'NOPERM') then
    return redis.error_reply("NOPERM this user may not run '" .. string.lower(command[1]) .. "', which tasks are moved with")
  end
end
call('HDEL', META, '')
if chosen and not owner then
  call('SET', OWNER, PLAIN)
end
if incarnation ~= '' then
  -- The longest lease among the living: what recovery may grant and what it may cut back to. By the shortest a silence is told.
  local longest, shortest = tonumber(lease_ms), tonumber(lease_ms)
  if size.dispatchers > 0 then
    longest, shortest = math.max(longest, tonumber(stored[4]) or 0), math.min(shortest, tonumber(stored[7]) or shortest)
  end
  call('HSET', META, 'lease', longest, 'shortest', shortest)
  -- A repetition of a call that was answered late must not wake an incarnation that is marked for recovery.
  call('ZADD', DISPATCHERS, 'NX', clock_ms() + lease_ms, incarnation)
end
local now = clock_ms()
return { 0, (tonumber(stored[5]) or 0) > now and 1 or 0, tonumber(born) or 0, now }
