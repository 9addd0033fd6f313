// The mock's texts: prose, output with colours, a patch, and strings that try to break out. Not code that runs.

export const THOUGHT = "**Following the exit status**\n\nThe reaper owns `waitpid`, so the bridge must not call it. I will look for the second reader and for the test that should have caught it.";

export const ANSWER = `The exit status was read in two places, and whoever came second got \`ECHILD\`.

## What was wrong

1. The **reaper** waits for every child, as it must.
2. The bridge *also* awaited \`Child::wait\`, which races it. With the key [REDACTED:openai-key#a1b2c3] in the environment the log line was redacted, so the cause was hard to see.

| reader | before | after |
|---|---|---|
| reaper | first or second | only |
| bridge | first or second | gets a message |

\`\`\`rust
impl Message<Exited> for Bridge {
    type Reply = ();

    async fn handle(&mut self, Exited(status): Exited, ctx: &mut Context<Self, ()>) {
        // The reaper is the only reader; see "One end" in the design.
        self.finish_turn(Cause::from(status)).await;
    }
}
\`\`\`

> The test now kills Codex in the middle of a stream and counts the ends of the turn: exactly one.

- [x] the race is gone
- [ ] the bench should run once more on a quiet machine

See [the manual](https://man7.org/linux/man-pages/man2/waitpid.2.html) for the rule.
`;

const E = "\u001b[";
const short = `${E}35mactors/src/bridge.rs${E}0m:${E}32m118${E}0m:        let ${E}1;31mexit_status${E}0m = self.child.wait().await?;
${E}35mactors/src/reaper.rs${E}0m:${E}32m41${E}0m:    pub ${E}1;31mexit_status${E}0m: ExitStatus,
${E}35mactors/src/reaper.rs${E}0m:${E}32m77${E}0m:        bridge.tell(Exited(${E}1;31mexit_status${E}0m)).await
`;
const long = `${E}1;32m   Compiling${E}0m holdfast-actors v0.1.0 (/home/mo/src/holdfast/actors)
${E}1;32m    Finished${E}0m \`test\` profile [unoptimized + debuginfo] target(s) in 4.81s
${E}1;32m    Starting${E}0m 23 tests across 2 binaries
${E}32m        PASS${E}0m [   0.012s] bridge::a_second_start_is_refused
${E}32m        PASS${E}0m [   0.034s] bridge::an_exit_is_reported_once
${E}31m        FAIL${E}0m [   0.210s] bridge::the_cause_names_the_signal
${E}32m        PASS${E}0m [   0.041s] feed::a_reset_follows_a_slow_tab
──── STDOUT: token=[REDACTED:holdfast-token#9f8e7d]
thread 'bridge::the_cause_names_the_signal' panicked at actors/src/bridge.rs:412:9:
assertion \`left == right\` failed
  left: ${E}31mKilled { signal: 9 }${E}0m
 right: ${E}32mKilled { signal: 15 }${E}0m
${E}1m     Summary${E}0m [   0.502s] 23 tests run: 22 passed, ${E}1;31m1 failed${E}0m, 0 skipped
`;
export const BUILD = { short, long };

export const PATCH = [
  { path: "/home/mo/src/holdfast/actors/src/bridge.rs", kind: { type: "update", move_path: null }, diff: `@@ -112,9 +112,7 @@ impl Bridge
     /// The reaper tells us when the process is gone.
     async fn on_exit(&mut self) -> Result<(), BridgeError> {
-        let exit_status = self.child.wait().await?;
-        self.finish_turn(Cause::from(exit_status)).await;
-        Ok(())
+        self.state = State::Down;
+        self.schedule_restart().await
     }
 
@@ -201,3 +199,4 @@ mod tests
     use super::*;
+    use crate::reaper::Exited;
 
` },
  { path: "/home/mo/src/holdfast/actors/tests/one_end.rs", kind: { type: "add" }, diff: "//! A turn has one end, whoever reads the exit first.\n\n#[tokio::test]\nasync fn a_killed_codex_ends_its_turn_once() {\n    let host = TestHost::start().await;\n    host.kill_codex(Signal::Kill).await;\n    assert_eq!(host.ends_of_turn().await, 1);\n}\n" },
];

export const ATTACKS = `<img src=x onerror="alert(1)"> <script>alert(2)</script> [click](javascript:alert(3)) [data](data:text/html,<script>alert(4)</script>)
![pixel](https://tracker.example/p.png) <a href="javascript:alert(5)" onclick="alert(6)">x</a> <svg/onload=alert(7)> <style>body{display:none}</style>
\u001b]52;c;ZXZpbA==\u0007 \u001b]0;title\u0007 \u001b]8;;javascript:alert(8)\u001b\\link\u001b]8;;\u001b\\ admin\u202etxt.exe \u2066hidden\u2069 [REDACTED:aws-access-key#0a1b2c] <iframe src="https://evil.example"></iframe>
`;
