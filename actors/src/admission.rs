//! The one gate's memory: credentials, sign-ins, throttle, revocation.
