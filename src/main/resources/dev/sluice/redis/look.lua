-- purpose: says what became of tasks: that they live, or how they ended, as far as anything is kept of that
-- KEYS:    the queue's keys (common.lua), the result of each id
-- ARGV:    n ids (up to 256)
-- RETURNS: {0, how many of the ids this call looked at (the first ones, about a megabyte of what is kept of them), for
--          each of these three: a code, what is kept, the time of death in ms}
--          0 it lives; 1 it has ended: its result; 2 it is a dead letter: its record and time; 3 nothing is known of it
-- FROM→TO: none
local size = lengths()
local results = keys_from(16)
local waiting = size.plain + size.ready + size.suspects
local words = call('HMGET', STATUS, unpack(ARGV))
local reply, bytes, looked = { 0, 0 }, 0, 0
local function say(code, kept, time)
  bytes = bytes + #kept
  local n = #reply
  reply[n + 1], reply[n + 2], reply[n + 3] = code, kept, time
end

while looked < #ARGV and (looked == 0 or bytes < MOST_BYTES) do
  looked = looked + 1
  local id = ARGV[looked]
  local waits = words[looked] == 'queued' and waiting > 0 -- in a list, as far as can be known without walking it
  local is_late = waits and size.late > 0 and call('ZSCORE', LATE, id) -- the word may have come after its end
  local lives = (waits and not is_late) or call('HEXISTS', BODIES, id) == 1
  local readable, result = true, nil
  if not lives then
    readable, result = pcall(call, 'GET', results[looked]) -- one of another type must not hide all others
  end
  result = readable and result
  local dead = not lives and (not result or words[looked] == 'dead') -- an older life may have left a result
  local record = dead and call('HGET', DEAD_BODIES, id)
  if lives then
    say(0, '', '')
  elseif record then
    say(2, record, call('ZSCORE', DEAD, id) or '0')
  elseif result then
    say(1, result, '')
  elseif waits then
    say(0, '', '')
  else
    say(3, '', '')
  end
end
reply[2] = looked
return reply
