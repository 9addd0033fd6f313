//! How much of everything a run has: a short one by default, a long one through the environment.
//!
//! Not what happens in it; that is in `storm`.

use super::chance::Chance;

/// Where `cargo xtask faults` says what it wants: `name=number` pairs between commas.
pub const VARIABLE: &str = "HOLDFAST_FAULTS";

/// The sizes of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Whether this is the run of `cargo xtask faults`, which has more time.
    pub long: bool,
    /// Decides faults and pauses.
    pub seed: u64,
    /// Sessions that stream at once.
    pub sessions: u64,
    /// Tabs of each session; every other one is native.
    pub tabs: u64,
    /// Deltas a second that Codex gives in each session while a turn runs.
    pub rate: u64,
    /// Bytes of text a delta.
    pub size: u64,
    /// Seconds of streaming that one prompt asks for, at most.
    pub turn_seconds: u64,
    /// How often the host is killed.
    pub host_kills: u64,
    /// How often a Codex is killed.
    pub codex_kills: u64,
    /// How often a tab is dropped.
    pub drops: u64,
    /// How often a tab stops reading for a while.
    pub stalls: u64,
    /// At most so many events pass between two faults.
    pub pause: u64,
    /// Events of the long history in `history`.
    pub history: u64,
    /// How often each fault of `real` happens.
    pub repeats: u64,
    /// Seconds of the soak.
    pub soak: u64,
}

/// Small and slow enough for a debug build on a busy machine.
const SHORT: Plan = Plan {
    long: false,
    seed: 1,
    sessions: 4,
    tabs: 5,
    rate: 300,
    size: 64,
    turn_seconds: 2,
    host_kills: 5,
    codex_kills: 5,
    drops: 10,
    stalls: 5,
    pause: 700,
    history: 100_000,
    repeats: 1,
    soak: 6,
};

/// What `cargo xtask faults` begins with.
const LONG: Plan = Plan {
    long: true,
    rate: 6_000,
    tabs: 6,
    turn_seconds: 3,
    host_kills: 50,
    codex_kills: 50,
    drops: 200,
    stalls: 60,
    pause: 30_000,
    history: 1_000_000,
    repeats: 20,
    soak: 60,
    ..SHORT
};

impl Plan {
    /// The short plan, or the long one with what [`VARIABLE`] changes in it.
    pub fn read() -> Self {
        match std::env::var(VARIABLE) {
            Ok(text) => Self::parse(&text),
            Err(_) => SHORT,
        }
    }

    fn parse(text: &str) -> Self {
        let mut plan = LONG;
        for pair in text.split(',').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').expect("name=number");
            let value = value.parse().expect("a number");
            let field = match name {
                "seed" => &mut plan.seed,
                "sessions" => &mut plan.sessions,
                "tabs" => &mut plan.tabs,
                "rate" => &mut plan.rate,
                "size" => &mut plan.size,
                "host_kills" => &mut plan.host_kills,
                "codex_kills" => &mut plan.codex_kills,
                "drops" => &mut plan.drops,
                "stalls" => &mut plan.stalls,
                "pause" => &mut plan.pause,
                "history" => &mut plan.history,
                "repeats" => &mut plan.repeats,
                "soak" => &mut plan.soak,
                _ => panic!("{VARIABLE}: there is no {name}"),
            };
            *field = value;
        }
        plan
    }

    /// All faults in the order of the seed.
    pub fn faults(&self, chance: &mut Chance) -> Vec<Fault> {
        let kinds = [
            (Fault::KillHost, self.host_kills),
            (Fault::KillCodex, self.codex_kills),
            (Fault::DropTab, self.drops),
            (Fault::StallTab, self.stalls),
        ];
        let mut faults = Vec::new();
        for (fault, count) in kinds {
            faults.extend((0..count).map(|_| fault));
        }
        chance.shuffle(&mut faults);
        faults
    }
}

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL of the host, then a new one in the same folder and on the same port.
    KillHost,
    /// SIGKILL of the Codex of one session.
    KillCodex,
    /// One tab loses its connection.
    DropTab,
    /// One tab stops reading.
    StallTab,
}
