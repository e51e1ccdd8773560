-- purpose: settles what one dispatcher incarnation finished and claims as much as it has room for, in one step
-- KEYS:    the queue's keys (common.lua), the claimed hash of the incarnation, k results
-- ARGV:    incarnation, call number, tasks wanted, byte budget, suspects wanted (0 or 1), crash limit, channel of ends,
--          s, a, s tokens that ended well (the status of the last a of them had not arrived when they were claimed),
--          o, o times (token, kind, delay in ms, failure as one line of JSON): kind is
--          r retry, z snooze, d dead, x discard, k cancelled, c the same if that was asked for, else b, b back to the head
--          without using an attempt; r and d have a failure;
--          k, k times (token, ms for which its result is kept, the result without its head): those settled above of which
--          a result is kept if they succeed, or are discarded;
--          f, f times (token, id, body): a task that is put in if that one is settled above for good
-- RETURNS: {code, ms until the next task is due or -1, 1 = work remains (2 = and something was dropped), number of the
--          last call that ran before, refused count, {refused indexes}, {frames}}
--          code 0 done; 1 lapsed: nothing was done; 2 paused: settled, nothing claimed. Frame i has token call.i
--          A lease that ran out, but that nobody marked yet, settles and claims nothing until it is renewed.
-- FROM→TO: QUEUED→PROCESSING, SCHEDULED→QUEUED, RETRYING→QUEUED, PROCESSING→SUCCEEDED, PROCESSING→RETRYING,
--          PROCESSING→SCHEDULED, PROCESSING→DEAD, PROCESSING→DISCARDED, PROCESSING→QUEUED,
--          PROCESSING→CANCELLED, QUEUED→CANCELLED, new→QUEUED (what follows an end), new→DEAD (another task with a living id)
local incarnation, this_call, budget = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4])
local wanted = math.min(tonumber(ARGV[3]), 256)
local suspects_wanted, crash_limit = tonumber(ARGV[5]), tonumber(ARGV[6])

-- The indexes of a call's tasks as text: turning a number into text takes longer than all else a claim does with a task. Of a
-- few they are few: for a claim of one the long table would be a fifth of its time.
local function indexes(count)
  if count <= 4 then
    return { '1', '2', '3', '4' }
  end
  return {
    '1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12', '13', '14', '15', '16',
    '17', '18', '19', '20', '21', '22', '23', '24', '25', '26', '27', '28', '29', '30', '31', '32',
    '33', '34', '35', '36', '37', '38', '39', '40', '41', '42', '43', '44', '45', '46', '47', '48',
    '49', '50', '51', '52', '53', '54', '55', '56', '57', '58', '59', '60', '61', '62', '63', '64',
    '65', '66', '67', '68', '69', '70', '71', '72', '73', '74', '75', '76', '77', '78', '79', '80',
    '81', '82', '83', '84', '85', '86', '87', '88', '89', '90', '91', '92', '93', '94', '95', '96',
    '97', '98', '99', '100', '101', '102', '103', '104', '105', '106', '107', '108', '109', '110', '111', '112',
    '113', '114', '115', '116', '117', '118', '119', '120', '121', '122', '123', '124', '125', '126', '127', '128',
    '129', '130', '131', '132', '133', '134', '135', '136', '137', '138', '139', '140', '141', '142', '143', '144',
    '145', '146', '147', '148', '149', '150', '151', '152', '153', '154', '155', '156', '157', '158', '159', '160',
    '161', '162', '163', '164', '165', '166', '167', '168', '169', '170', '171', '172', '173', '174', '175', '176',
    '177', '178', '179', '180', '181', '182', '183', '184', '185', '186', '187', '188', '189', '190', '191', '192',
    '193', '194', '195', '196', '197', '198', '199', '200', '201', '202', '203', '204', '205', '206', '207', '208',
    '209', '210', '211', '212', '213', '214', '215', '216', '217', '218', '219', '220', '221', '222', '223', '224',
    '225', '226', '227', '228', '229', '230', '231', '232', '233', '234', '235', '236', '237', '238', '239', '240',
    '241', '242', '243', '244', '245', '246', '247', '248', '249', '250', '251', '252', '253', '254', '255', '256',
  }
end
local call_dot = ARGV[2] .. '.'
local MOST_OF_ELEMENT = 17 * 1048576 -- the longest payload that any codec of ours takes, and its envelope

-- Reads first: a key of a wrong type, an unknown incarnation or a pause show before anything is written.
local size = lengths(true) -- META is read below
local lease = tonumber(call('ZSCORE', DISPATCHERS, incarnation) or 0)
local ended, awaited = tonumber(ARGV[8]), tonumber(ARGV[9])
local held = call('HMGET', CLAIMED, 'last', unpack(ARGV, 10, 9 + ended))
local last = tonumber(held[1] or 0) or 0
local meta = call('HMGET', META, 'paused', 'turn', 'draining', 'events')
local paused, turn, draining = meta[1], meta[2] == '1' and 1 or 0, meta[3]
if lease <= 0 then
  return { 1, -1, 0, 0, 0 }
end
local now = clock_ms()
hear(meta[4], now)
local repeated = this_call <= last

-- Written longer than 64 bytes, because a hash whose values are all short is searched from its beginning to its end.
local this_as_last = string.format('%065d', this_call)

-- The settle half: only what this incarnation still holds counts. On a repeat a missing token was answered before.
local refused = {}
local at = 10 + ended
local others = tonumber(ARGV[at])
local kept_at = at + 1 + others * 4
local kept = tonumber(ARGV[kept_at])
local followers_at = kept_at + 1 + kept * 3
local followers = tonumber(ARGV[followers_at])

-- What ended as its awaiters are told, and of what a result may be kept or a task follow: token → id, token → word of its state.
local told, ended_id, ended_as = {}, {}, {}

-- Foreign tasks that end before their producer's status came: upkeep removes what comes later.
local function look_after(ended)
  local ids, words = {}, call('HMGET', STATUS, unpack(ended))
  for i = 1, #ended do
    if words[i] ~= 'queued' then
      ids[#ids + 1] = ended[i]
    end
  end
  if #ids > 0 then
    watch(ids, now)
  end
end

-- The first write is one that a full Redis takes (R5).
local has_written = false
local function write_first()
  if not has_written then
    call('HDEL', CLAIMED, '')
    has_written = true
  end
end

local function end_well()
  local tokens, ids, n, awaiting = {}, {}, 0, {}
  for i = 1, ended do
    local id = held[i + 1]
    if id then
      n = n + 1
      tokens[n], ids[n] = ARGV[9 + i], id
      if i > ended - awaited then
        awaiting[#awaiting + 1] = id
      end
    elseif not repeated then
      refused[#refused + 1] = i
    end
  end
  if n == 0 then
    return
  end
  call('HDEL', CLAIMED, unpack(tokens))
  has_written = true
  if size.cancelling > 0 then
    call('SREM', CANCELLING, unpack(ids)) -- too late to be cancelled
  end
  if size.progress > 0 then
    call('HDEL', PROGRESS, unpack(ids))
  end
  call('HDEL', BODIES, unpack(ids))
  if #awaiting > 0 then
    look_after(awaiting)
  end
  call('HDEL', STATUS, unpack(ids))
  move_all(ids, n, 'succeeded')
  if kept + followers > 0 then
    for i = 1, n do
      ended_id[tokens[i]], ended_as[tokens[i]] = ids[i], 'succeeded'
    end
  end
end

local ENDS = { x = 'discarded', c = 'cancelled', d = 'dead' }
local function settle_one(token, kind, delay_ms, failure)
  local id = call('HGET', CLAIMED, token)
  if not id then
    return false
  end
  if size.cancelling > 0 and call('SREM', CANCELLING, id) == 1 then
    kind = (kind == 'd' or kind == 'x') and kind or 'c' -- it would have run again
  elseif kind == 'c' then
    kind = 'b' -- what was to be stopped was the one before it: this one runs again
  elseif kind == 'k' then
    kind = 'c'
  end
  local frame = call('HGET', BODIES, id)
  local again, crashes
  if frame and kind ~= 'x' and kind ~= 'c' then
    again, crashes = recount(frame, (kind == 'r' or kind == 'd') and 1 or 0, 0, kind == 'd' and '' or kind == 'r' and failure or nil)
    kind = again and kind or 'raw'
  end
  local word = frame and ENDS[kind]
  if word then
    ended_id[token], ended_as[token] = id, word
    told[#told + 1] = word .. ' ' .. id
    move(id, word)
    if string.sub(frame, 2, 2) == 'F' then
      look_after({ id })
    end
  end
  -- What goes elsewhere is there before it is gone here: a right that is missing in the middle is to cost nothing.
  local stays = false
  if not frame then
    lose(id)
  elseif kind == 'x' or kind == 'c' then
    call('HDEL', STATUS, id)
  elseif kind == 'raw' then
    call('RPUSH', READY, frame) -- it is run, or a dead letter
    call('HDEL', STATUS, id)
  elseif kind == 'd' then
    bury(id, again, failure, now)
  elseif kind == 'b' then
    call('LPUSH', list_for(crashes, crash_limit), again)
    call('HSET', STATUS, id, 'queued')
    call('ZREM', LATE, id)
    move(id, 'queued')
  else
    local due = now + delay_ms
    local earliest = next_due_ms()
    call('HSET', BODIES, id, again)
    call('ZADD', DELAYED, due, id)
    call('HSET', STATUS, id, kind == 'r' and 'retrying' or 'scheduled')
    move(id, kind == 'r' and 'retrying' or 'scheduled')
    if not earliest or due < earliest then
      ring_as(size.wake, paused)
    end
    stays = true
  end
  if not stays then
    call('HDEL', BODIES, id)
  end
  call('HDEL', CLAIMED, token)
  if size.progress > 0 then
    call('HDEL', PROGRESS, id)
  end
  return true
end

if ended > 0 then
  end_well()
end
if others > 0 then
  write_first()
end
for i = others, 1, -1 do
  local item = at + 1 + (i - 1) * 4
  if not settle_one(ARGV[item], ARGV[item + 1], tonumber(ARGV[item + 2]), ARGV[item + 3]) and not repeated then
    refused[#refused + 1] = ended + i
  end
end

-- Dead letters are kept elsewhere, and a cancelled task leaves its id free at once: neither has a result. The longest time
-- any is kept stands in meta: until then whoever enqueues has to look for them.
local function keep_results()
  local keys, longest_ms = keys_from(17), 0
  for i = 1, kept do
    local item = kept_at + 1 + (i - 1) * 3
    local token = ARGV[item]
    local id, word = ended_id[token], ended_as[token]
    if word == 'succeeded' or word == 'discarded' then
      local head = string.format('{"state":"%s","endedAt":%.0f,', word, now)
      call('SET', keys[i], head .. ARGV[item + 2], 'PX', ARGV[item + 1])
      longest_ms = math.max(longest_ms, tonumber(ARGV[item + 1]))
      if word == 'succeeded' then
        told[#told + 1] = word .. ' ' .. id
      end
    end
  end
  if longest_ms > 0 and now + longest_ms > (tonumber(call('HGET', META, 'results')) or 0) then
    call('HSET', META, 'results', string.format('%.0f', now + longest_ms))
  end
end
if kept > 0 then
  keep_results()
end
for i = 1, followers do
  local item = followers_at + 1 + (i - 1) * 3
  local word = ended_as[ARGV[item]]
  if word and word ~= 'cancelled' then
    put_in(ARGV[item + 1], ARGV[item + 2], size, false)
  end
end
tell_ended(ARGV[7], told)

-- A list is measured again only after what may have changed it.
local changed = others + followers > 0
local ready_length, plain_length = changed and call('LLEN', READY) or size.ready, size.plain
local may_be_due = size.delayed + others > 0

-- Work that is left behind rings. Suspects ring only when one was added or taken, or when something ended, which may have
-- been the suspect that kept this dispatcher from the next: without progress it would only wake itself.
local suspects_taken, dropped = 0, 0
local function answer(code, frames)
  local due = may_be_due and next_due_ms()
  local left = ready_length + plain_length
  local suspects_left = (may_be_due or size.suspects > 0) and call('LLEN', SUSPECTS) or 0
  local progress = suspects_taken > 0 or suspects_left > size.suspects or (suspects_wanted == 0 and ended + others > 0)
  if left > 0 or (suspects_left > 0 and progress) then
    ring_as(size.wake, paused)
  end
  tell_moves(now)
  local remains = left > 0 and (dropped > 0 and 2 or 1) or 0
  return { code, due and math.max(0, due - now) or -1, remains, last, #refused, refused, frames }
end

-- The claim half runs once per call number; its repetition answers what the first run took (R1).
if repeated then
  write_first() -- the ring is none
  local tokens, frames = {}, {}
  local index = indexes(wanted)
  for i = 1, wanted do
    tokens[i] = call_dot .. index[i]
  end
  if wanted > 0 then
    local ids = call('HMGET', CLAIMED, unpack(tokens))
    for i = wanted, 1, -1 do
      if ids[i] or frames[i + 1] then
        frames[i] = ids[i] and call('HGET', BODIES, ids[i]) or ''
      end
    end
  end
  return answer(0, frames)
end
if paused or lease <= now then
  write_first()
  call('HSET', CLAIMED, 'last', this_as_last)
  if paused then
    return answer(2, {})
  end
  -- No ring, and no work to speak of: who has no lease would only wake itself until its next heartbeat.
  tell_moves(now)
  return { 0, -1, 0, last, #refused, refused, {} }
end

if may_be_due and promote(now, 256, crash_limit) > 0 then
  ready_length = call('LLEN', READY)
end

-- Reads the head of a list in steps until there are enough elements or the byte budget is used up.
local function peek(list, count)
  local taken, bytes, step = {}, 0, 2 -- nobody knows yet how large they are
  while #taken < count and budget > 0 do
    local page = call('LRANGE', list, #taken, math.min(#taken + step, count) - 1)
    for i = 1, #page do
      if budget <= 0 then
        break
      end
      budget = budget - #page[i]
      bytes = bytes + #page[i]
      taken[#taken + 1] = page[i]
    end
    if #page < step then
      break
    end
    -- As many as the budget has room for if they go on like this.
    step = math.max(1, math.min(step * 4, math.floor(budget * #taken / math.max(bytes, 1))))
  end
  return taken
end

-- While both lists hold work each gives at least a quarter, and they take turns at the first go: at the only place of a
-- claim of one, and at the byte budget (R4).
local function shares(room)
  if ready_length == 0 or size.plain == 0 then
    return math.min(ready_length, room), math.min(size.plain, room)
  elseif room == 1 then
    return 1 - turn, turn
  end
  local from_plain = math.min(size.plain, math.max(math.ceil(room / 4), room - ready_length))
  return math.min(ready_length, room - from_plain), from_plain
end

local suspects = {}
if suspects_wanted > 0 and wanted > 0 and size.suspects > 0 then
  suspects = peek(SUSPECTS, 1)
  suspects_taken = #suspects
end
local from_ready, from_plain = shares(wanted - #suspects)
local ready, plain
if turn == 0 then
  ready = peek(READY, from_ready)
  plain = peek(PLAIN, from_plain)
else
  plain = peek(PLAIN, from_plain)
  ready = peek(READY, from_ready)
end

-- True if every byte belongs to a well-formed sequence: Java would read anything else as another id.
local function is_utf8(text)
  if not string.find(text, '[\128-\255]') then
    return true
  end
  text = string.gsub(text, '[\194-\223][\128-\191]', '.')
  text = string.gsub(text, '\224[\160-\191][\128-\191]', '.')
  text = string.gsub(text, '\237[\128-\159][\128-\191]', '.')
  text = string.gsub(text, '[\225-\236\238\239][\128-\191][\128-\191]', '.')
  text = string.gsub(text, '\240[\144-\191][\128-\191][\128-\191]', '.')
  text = string.gsub(text, '[\241-\243][\128-\191][\128-\191][\128-\191]', '.')
  text = string.gsub(text, '\244[\128-\143][\128-\191][\128-\191]', '.')
  return not string.find(text, '[\128-\255]')
end

-- The id of a raw element: an anchored pattern first, a guarded decode second, an id of our own making last.
local function id_of(raw, index)
  local id = string.match(raw, '^%s*{%s*"id"%s*:%s*"([^"\\%c]+)"')
    or string.match(raw, '^%s*{%s*"id"%s*:%s*(%d+)%s*[,}]')
  if not id and #raw <= MOST_BYTES then
    local fine, decoded = pcall(cjson.decode, raw)
    if fine and type(decoded) == 'table' then
      id = decoded.id
      if type(id) == 'number' and id % 1 == 0 and math.abs(id) < 9007199254740992 then
        id = string.format('%.0f', id)
      end
    end
  end
  if type(id) == 'string' and #id > 0 and #id <= 512 and not string.find(id, '[%z\1-\31\127]') and is_utf8(id) then
    return id
  end
  return 'made-' .. incarnation .. '-' .. this_call .. '.' .. index, true
end

-- A header that anybody may have forged: what recount could not write again is no header but part of a raw element.
local function is_sound(element, counters, id, at)
  local line_end = string.find(element, '\n', at, true)
  if #id > 512 or not is_utf8(id) or not line_end or line_end - at > MOST_OF_FAILURE + 1 then
    return false
  elseif counters == '' then
    return true
  end
  local attempts, crashes, claims, epoch = read_counters(counters)
  return attempts and #attempts < 10 and #crashes < 10 and #claims < 10 and #epoch < 16
end

-- Decides everything before the first write: ids, frames, who is a duplicate of whom.
local match, OWN = string.match, '^\1c (%w+)\n' -- what our own client makes
local ids, frames, promised = {}, {}, 0
local foreign, pushed, made = {}, {}, 0 -- pushed: ids that any client may have pushed twice
local function decide(elements, framed)
  for i = 1, #elements do
    local element = elements[i]
    local id = framed and match(element, OWN) -- most of the time
    promised = promised + 1
    if not id or #id > 512 then
      local origin, counters, at
      if framed then
        origin, counters, id, at = match(element, HEADER)
      end
      if not id or not is_sound(element, counters, id, at) then
        local invented
        id, invented = id_of(element, promised)
        made = made + (invented and 1 or 0)
        foreign[#foreign + 1] = promised
        pushed[#pushed + 1] = id
      elseif origin ~= 'c' then
        pushed[#pushed + 1] = id
      end
    end
    ids[promised], frames[promised] = id, element
  end
end
decide(suspects, true)
decide(ready, true)
decide(plain, false)

-- What was cancelled while it lay in a list goes now, before anything is said about doubles.
local is_dropped, marks = {}, {}
if promised > 0 and size.cancelled > 0 then
  local found = call('HMGET', CANCELLED, unpack(ids))
  for i = 1, promised do
    local id = ids[i]
    if found[i] then
      if not marks[id] then
        local epoch, copies = mark_of(id)
        marks[id] = { epoch = epoch or 0, copies = copies or 0 }
      end
      local mark = marks[id]
      if mark.copies > 0 and epoch_of(frames[i]) < mark.epoch then
        mark.copies = mark.copies - 1
        is_dropped[i] = true
        dropped = dropped + 1
      end
    end
  end
end

local fields_claimed, fields_bodies, fields_status, taken = {}, {}, {}, {}
local count, field = 0, 1
local duplicates, strangers, oversized = {}, {}, {}
if promised > 0 then
  if #foreign > 0 then
    local foreign_ids = {}
    for i = 1, #foreign do
      foreign_ids[i] = ids[foreign[i]]
    end
    local words = call('HMGET', STATUS, unpack(foreign_ids))
    for i = 1, #foreign do
      frames[foreign[i]] = (words[i] == 'queued' and '\1f ' or '\1F ') .. foreign_ids[i] .. '\n' .. frames[foreign[i]]
    end
  end
  -- Its time is not compared: whoever enqueues a task a second time does so later. What another program wrote has no line.
  local function body(frame)
    local line = string.find(frame, '\n', 1, true) or 0
    return (string.gsub(string.sub(frame, line + 1), ',"enqueuedAt":%d+}$', '}'))
  end
  -- Leaves room for the suffix inside the longest id, and breaks no UTF-8 sequence.
  local function stem(id)
    return #id <= 400 and id or (string.gsub(string.sub(id, 1, 400), '[\192-\255]?[\128-\191]*$', ''))
  end
  local living, seen, index = call('HMGET', BODIES, unpack(ids)), {}, indexes(promised)
  for i = 1, promised do
    local id, frame = ids[i], frames[i]
    local twin = living[i] or seen[id]
    if dropped > 0 and is_dropped[i] then
      twin = nil
    elseif not twin and #frame > MOST_OF_ELEMENT then
      oversized[#oversized + 1] = { id, frame } -- on its way to a dispatcher it would hold up all others
    elseif not twin then
      seen[id] = frame
      count = count + 1
      taken[count] = frame
      local value = field + 1
      fields_claimed[field], fields_claimed[value] = call_dot .. index[count], id
      fields_bodies[field], fields_bodies[value] = id, frame
      fields_status[field], fields_status[value] = id, 'processing'
      field = field + 2
    elseif body(twin) == body(frame) then
      duplicates[#duplicates + 1] = id
    else
      strangers[#strangers + 1] = { stem(id) .. '~' .. incarnation .. '-' .. this_call .. '.' .. i, frame }
    end
  end
end

fields_claimed[field], fields_claimed[field + 1] = 'last', this_as_last

-- From here on only writes (R3). The lists come last: a task is claimed before it is gone there.
write_first()
if count > 0 and size.cancelling > 0 then
  for i = 2, field - 1, 2 do
    call('SREM', CANCELLING, fields_claimed[i]) -- a request that outlived its task must not stop this one
  end
end
for id, mark in pairs(marks) do
  if mark.copies > 0 then
    call('HSET', CANCELLED, id, string.format('%.0f,%d', mark.epoch, mark.copies))
  else
    call('HDEL', CANCELLED, id)
  end
end
call('HSET', CLAIMED, unpack(fields_claimed))
if ready_length > 0 and size.plain > 0 and #ready + #plain > 0 then
  call('HSET', META, 'turn', 1 - turn)
end
if count > 0 then
  call('HSET', BODIES, unpack(fields_bodies))
  call('HSET', STATUS, unpack(fields_status))
  for i = 2, moves and field - 1 or 0, 2 do
    move(fields_claimed[i], 'processing')
  end
end
-- A copy of a dead task replaces its dead letter; counted anew, for the settle half may have buried the first just now.
if dropped > 0 then
  local lives, kept = {}, {}
  for i = 1, promised do
    lives[ids[i]] = lives[ids[i]] or not is_dropped[i]
  end
  for i = 1, #pushed do
    if lives[pushed[i]] then
      kept[#kept + 1] = pushed[i]
    end
  end
  pushed = kept
end
if #pushed > 0 and call('ZCARD', DEAD) > 0 and call('ZREM', DEAD, unpack(pushed)) > 0 then
  call('HDEL', DEAD_BODIES, unpack(pushed))
end
for i = 1, #strangers do
  local id, frame = strangers[i][1], strangers[i][2]
  local origin, counters = string.match(frame, HEADER)
  local renamed = '\1' .. origin .. counters .. ' ' .. id .. '\n' .. string.sub(frame, string.find(frame, '\n', 1, true) + 1)
  bury(id, renamed, '{"reason":"duplicate-id","message":"a task with this id and another body was alive"}', now)
  move(id, 'dead')
end
if #oversized > 0 then
  local lines = {}
  for i = 1, #oversized do
    local id, frame = oversized[i][1], oversized[i][2]
    bury(id, frame, '{"reason":"too-large","message":"an element may have 17 MiB at most"}', now)
    move(id, 'dead')
    lines[i] = 'dead ' .. id
    if string.sub(frame, 2, 2) == 'F' then
      look_after({ id })
    end
  end
  tell_ended(ARGV[7], lines)
end
if #duplicates > 0 then
  pcall(call, 'HINCRBY', META, 'duplicates', #duplicates) -- the lists are yet to come: what is no number must not end it here
  look_after(duplicates) -- their producer writes a status too
end
if made > 0 then
  pcall(call, 'HINCRBY', META, 'made-ids', made)
end
if draining and #foreign > 0 then
  pcall(call, 'HINCRBY', META, 'drained-foreign', #foreign) -- a push cannot be refused
end
if #ready > 0 then
  call('LTRIM', READY, #ready, -1)
  ready_length = ready_length - #ready
end
if #plain > 0 then
  call('LTRIM', PLAIN, #plain, -1)
  plain_length = plain_length - #plain
end
if #suspects > 0 then
  call('LTRIM', SUSPECTS, #suspects, -1)
end
return answer(0, taken)
