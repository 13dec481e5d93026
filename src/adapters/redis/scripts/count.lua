-- Counts units of a caller; see count_units.
--
-- KEYS: 1 the hash of the caller.
-- ARGV: 1 units, 2 limit, 3 window in ms.
return count_units(KEYS[1], ARGV[1] + 0, ARGV[2] + 0, ARGV[3] + 0, milliseconds())
