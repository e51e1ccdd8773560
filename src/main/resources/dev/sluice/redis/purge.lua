-- purpose: removes dead letters for good, and the status of those whose status says "dead"
-- KEYS:    the queue's keys (common.lua)
-- ARGV:    n, n ids (up to 256), for each the time of the death that is meant, in ms ('' = whenever it died)
-- RETURNS: {0, how many of the ids this call looked at (the first ones, about a megabyte of them), for each of these a code}
--          0 purged, 2 there is no such dead letter
-- FROM→TO: none
lengths()
local ids = { unpack(ARGV, 2, ARGV[1] + 1) }
local n = fitting(DEAD_BODIES, ids)
local times = call('ZMSCORE', DEAD, unpack(ids, 1, n))
local reply, dead, seen = { 0, n }, {}, {}
for i = 1, n do
  local id, meant = ids[i], ARGV[#ids + 1 + i]
  reply[i + 2] = 2
  if times[i] and (meant == '' or tonumber(times[i]) == tonumber(meant)) and not seen[id] then
    seen[id] = true
    dead[#dead + 1] = id
    reply[i + 2] = 0
  end
end
forget(dead)
return reply
