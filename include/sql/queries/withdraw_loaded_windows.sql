-- Withdraw events of late windows that have results by now.
-- Returns a row for each event that cannot be judged.
SELECT event_id, problem
FROM withdraw_loaded_windows();
