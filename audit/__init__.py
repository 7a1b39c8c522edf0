"""The audit: a catalogue of clauses, checks that gather raw evidence, judgement as a pure function of it, reports."""
