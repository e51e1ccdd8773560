-- purpose: removes the oldest dead letters: those beyond the number that is kept, and those that are too old
-- KEYS:    the queue's keys (common.lua)
-- ARGV:    how many are kept, how long in ms, at most this many removed (about a megabyte of them)
-- RETURNS: {0, removed, 1 = call again at once}
-- FROM→TO: none
local most, age_ms, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), math.min(tonumber(ARGV[3]), 256)
local over, eldest_ms = lengths().dead - most, clock_ms() - age_ms
local oldest, ids = call('ZRANGE', DEAD, 0, limit - 1, 'WITHSCORES'), {}
for i = 1, #oldest, 2 do
  if #ids >= over and tonumber(oldest[i + 1]) > eldest_ms then
    break
  end
  ids[#ids + 1] = oldest[i]
end
local removed = forget(ids)
if removed > 0 then
  pcall(call, 'HINCRBY', META, 'trimmed', removed) -- what is no number must not end it
end
return { 0, removed, removed > 0 and (removed < #ids or #ids == limit) and 1 or 0 }
