//! Settings: one read, validated, no secret printable.
