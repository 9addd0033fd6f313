//! axum: admission, the socket, HTTP routes, embedded UI.
