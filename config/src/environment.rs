//! The environment variables that settings may come from. A value of its own, so that tests and `demo` can give theirs.

use std::{collections::BTreeMap, ffi::OsString};

use crate::secret::Secret;

/// Where variables are looked up. `Debug` shows names only.
#[derive(Clone)]
pub struct Environment(Lookup);

#[derive(Clone)]
enum Lookup {
    Process,
    Given(BTreeMap<String, Secret>),
}

impl Environment {
    /// The environment of this process, looked up when it is asked for.
    pub fn process() -> Self {
        Self(Lookup::Process)
    }

    /// These variables and no others.
    pub fn of<'v>(variables: impl IntoIterator<Item = (&'v str, &'v str)>) -> Self {
        let variables = variables.into_iter();
        Self(Lookup::Given(
            variables
                .map(|(name, value)| (name.to_owned(), Secret::new(value.to_owned())))
                .collect(),
        ))
    }

    /// The value of a variable; `None` if it is not set.
    pub fn get(&self, name: &str) -> Option<OsString> {
        match &self.0 {
            Lookup::Process => std::env::var_os(name),
            Lookup::Given(variables) => variables.get(name).map(|value| value.reveal().into()),
        }
    }

    /// The names of all variables that are UTF-8, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = match &self.0 {
            Lookup::Process => std::env::vars_os()
                .filter_map(|(name, _)| name.into_string().ok())
                .collect(),
            Lookup::Given(variables) => variables.keys().cloned().collect(),
        };
        names.sort();
        names
    }

    /// The value of a variable that is a secret; `None` if it is not set or not UTF-8.
    pub(crate) fn secret(&self, name: &str) -> Option<Secret> {
        self.get(name)?.into_string().ok().map(Secret::new)
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Lookup::Process => f.write_str("Environment(process)"),
            Lookup::Given(variables) => f.debug_set().entries(variables.keys()).finish(),
        }
    }
}
