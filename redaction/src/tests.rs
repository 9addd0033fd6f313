//! Tests of the redactor as a whole; secrets in them are made up at run time.
//!
//! Not for parts that can be tested alone: those tests stand beside the code.

mod corpus;
mod cuts;
mod families;
mod hostile;
mod lines;
mod samples;
mod time;
