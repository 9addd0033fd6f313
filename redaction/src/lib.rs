//! The streaming redactor.
