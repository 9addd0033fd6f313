//! Changes of files, in words only: nothing is written.

use std::path::Path;

use super::{
    approvals::{Decision, FileApproval, active},
    control::Stop,
    ids,
    shapes::{Change, ChangeKind, Item, ItemStatus, Sandbox},
    turn::TurnRun,
};
use crate::scenario::Edit;

impl TurnRun {
    /// Changes one file, in words only: nothing is written.
    pub(super) fn edit(&mut self, edit: &Edit) -> Result<(), Stop> {
        let settings = self.settings();
        let path = Path::new(&settings.cwd).join(&edit.path);
        let inside = path.starts_with(&settings.cwd) && !edit.path.contains("..");
        let allowed = match settings.sandbox {
            Sandbox::DangerFullAccess => true,
            Sandbox::WorkspaceWrite { .. } => inside,
            Sandbox::ReadOnly { .. } => false,
        };
        let path = path.to_string_lossy().into_owned();
        let text = if edit.text.ends_with('\n') {
            edit.text.clone()
        } else {
            format!("{}\n", edit.text)
        };
        let change = Change {
            path: path.clone(),
            kind: ChangeKind {
                r#type: "add".to_owned(),
            },
            diff: text.clone(),
        };
        let id = ids::item_id("call");
        let (started_at_ms, status) = (ids::now_ms(), ItemStatus::InProgress);
        let mut item = Item::FileChange {
            id: id.clone(),
            changes: vec![change],
            status,
            started_at_ms,
            completed_at_ms: None,
        };
        self.start_item(&item);
        let accepted = self.thread.with(|state| state.accepted.contains(&path));
        let policy = settings.approval_policy.as_str().unwrap_or("granular");
        if (!allowed || policy == "untrusted") && !accepted {
            if policy == "never" {
                self.refused(item, Decision::Unreadable)?;
                self.model_answered();
                return Ok(());
            }
            self.change_status(active(&["waitingOnApproval"]));
            let params = FileApproval {
                thread_id: &self.thread.id,
                turn_id: &self.turn_id,
                item_id: &id,
                started_at_ms,
                reason: None,
                grant_root: None,
            };
            match self.decide("item/fileChange/requestApproval", &params, &path)? {
                Decision::Accepted => self.change_status(active(&[])),
                refusal => {
                    self.refused(item, refusal)?;
                    self.model_answered();
                    return Ok(());
                }
            }
        }
        if let Item::FileChange { status, .. } = &mut item {
            *status = ItemStatus::Completed;
        }
        self.complete_item(item);
        self.diff.push_str(&git_diff(&edit.path, &text));
        self.send_diff();
        self.model_answered();
        Ok(())
    }
}

/// The diff of a new file as git writes it, with a made-up object id.
fn git_diff(path: &str, text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    let range = if lines.len() == 1 {
        "+1".to_owned()
    } else {
        format!("+1,{}", lines.len())
    };
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let body: String = lines.iter().map(|line| format!("+{line}\n")).collect();
    format!(
        "diff --git a/{path} b/{path}\nnew file mode 100644\nindex {:040}..{hash:016x}{hash:016x}{:08x}\n--- /dev/null\n+++ b/{path}\n@@ -0,0 {range} @@\n{body}",
        0, hash as u32
    )
}
