-- purpose: removes dead letters for good, and the status of those whose status says "dead"
-- KEYS:    the queue's keys (common.lua)
-- ARGV:    up to 256 ids
-- RETURNS: {0, how many of the ids this call looked at (the first ones, about a megabyte of them), for each of these a code}
--          0 purged, 2 there is no such dead letter
-- FROM→TO: none
lengths()
local n = fitting(DEAD_BODIES, ARGV)
local times = call('ZMSCORE', DEAD, unpack(ARGV, 1, n))
local reply, dead, seen = { 0, n }, {}, {}
for i = 1, n do
  local id = ARGV[i]
  reply[i + 2] = 2
  if times[i] and not seen[id] then
    seen[id] = true
    dead[#dead + 1] = id
    reply[i + 2] = 0
  end
end
forget(dead)
return reply
