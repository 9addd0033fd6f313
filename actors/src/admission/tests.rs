//! Admission as a whole: through its handle where the actor matters, through the book where the clock does.

use std::{collections::HashSet, future::Future, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use config::{Credential, CredentialSource, Role, Token};
use hmac::{Hmac, KeyInit as _, Mac as _};
use kameo::actor::{Actor, ActorRef, Spawn as _};
use tokio::time::{Instant, timeout};

use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const LIFETIMES: Lifetimes = Lifetimes {
    idle: Duration::from_secs(1800),
    absolute: Duration::from_secs(43_200),
};
const BUDGET: Budget = Budget {
    wrong: 5,
    window: Duration::from_secs(10),
};

fn credential(name: &str, role: Role) -> (Token, Credential) {
    let token = Token::generate().unwrap();
    let digest = token.digest();
    (
        token,
        Credential {
            name: name.to_owned(),
            role,
            digest,
            source: CredentialSource::Digest,
        },
    )
}

fn admission(credentials: Vec<Credential>) -> Admission {
    Admission::spawn(Args::new(credentials, true, LIFETIMES, BUDGET))
}

fn book(credentials: Vec<Credential>) -> Book {
    Book::new(credentials, LIFETIMES, BUDGET)
}

fn mac(proof: &Half, nonce: &str) -> String {
    let key = URL_SAFE_NO_PAD.decode(proof.reveal()).unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    mac.update(nonce.as_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(5), future)
        .await
        .expect("happens within five seconds")
}

/// Signs in and proves at `now`.
fn enter(book: &mut Book, token: &Token, now: Instant) -> (Half, Principal) {
    let signed_in = book
        .sign_in(presented(token.reveal()), "Firefox", now)
        .unwrap();
    let (cookie, ours) = CookieDigest::of_presented(&signed_in.cookie.reveal());
    let challenge = book.challenge(cookie, ours, now).unwrap();
    let mac = mac(&signed_in.proof, &challenge.nonce);
    (signed_in.cookie, book.prove(&challenge, &mac, now).unwrap())
}

fn is_known(book: &mut Book, cookie: &Half, now: Instant) -> bool {
    book.known(cookie.digest(), true, now).is_ok()
}

#[tokio::test]
async fn a_token_lets_its_owner_in_with_the_role_of_the_configuration() {
    let (token, main) = credential("main", Role::Operate);
    let (other, phone) = credential("phone", Role::View);
    let admission = admission(vec![main, phone]);
    for (token, name, role) in [(token, "main", Role::Operate), (other, "phone", Role::View)] {
        let principal = admission.bearer(token.reveal()).await.unwrap();
        assert_eq!(
            (&*principal.name, principal.role, principal.via),
            (name, role, Via::Bearer)
        );
        assert!(!principal.revoked.is_cancelled());
    }
}

#[tokio::test]
async fn absent_short_and_wrong_tokens_are_told_the_same() {
    let (token, main) = credential("main", Role::Operate);
    let admission = admission(vec![main]);
    let shown = token.reveal();
    let wrong = Token::generate().unwrap();
    for text in [
        "",
        &shown[..52],
        wrong.reveal(),
        &shown.to_ascii_uppercase(),
    ] {
        assert_eq!(admission.bearer(text).await.unwrap_err(), Denied::Wrong);
    }
}

#[tokio::test]
async fn a_flood_is_throttled_and_the_right_token_still_gets_in() {
    let (token, main) = credential("main", Role::Operate);
    let admission = admission(vec![main]);
    let mut wrong = 0;
    for guess in 0..200 {
        match admission
            .bearer(&format!("guess-{guess}"))
            .await
            .unwrap_err()
        {
            Denied::Wrong => wrong += 1,
            Denied::Throttled { retry_after } => assert!(retry_after <= Duration::from_secs(30)),
            Denied::Unavailable => panic!("admission is there"),
        }
    }
    assert_eq!(wrong, 5);
    assert!(admission.bearer(token.reveal()).await.is_ok());
    assert!(admission.sign_in(token.reveal(), "").await.is_ok());
}

#[tokio::test]
async fn nothing_is_open_while_a_credential_is_required() {
    let (_, main) = credential("main", Role::Operate);
    assert_eq!(admission(vec![main]).open().unwrap_err(), Denied::Wrong);
    let open = Admission::spawn(Args::new(Vec::new(), false, LIFETIMES, BUDGET))
        .open()
        .unwrap();
    assert_eq!((open.role, open.via), (Role::Operate, Via::Open));
}

#[tokio::test]
async fn a_browser_gets_in_with_both_halves_and_with_neither_alone() {
    let (token, main) = credential("main", Role::Approve);
    let admission = admission(vec![main]);
    let signed_in = admission.sign_in(token.reveal(), "Firefox").await.unwrap();
    assert_eq!(
        (signed_in.role, signed_in.expires_in),
        (Role::Approve, LIFETIMES.absolute)
    );
    let cookie = signed_in.cookie.reveal();

    let challenge = admission.challenge(&cookie).await.unwrap();
    let right = mac(&signed_in.proof, &challenge.nonce);
    let principal = admission.prove(challenge, &right).await.unwrap();
    assert_eq!((&*principal.name, principal.role), ("main", Role::Approve));

    // A proof does not fit another nonce, the cookie is no key, and the proof half is no cookie.
    let challenge = admission.challenge(&cookie).await.unwrap();
    assert_eq!(
        admission.prove(challenge, &right).await.unwrap_err(),
        Denied::Wrong
    );
    let challenge = admission.challenge(&cookie).await.unwrap();
    let forged = mac(&signed_in.cookie, &challenge.nonce);
    assert_eq!(
        admission.prove(challenge, &forged).await.unwrap_err(),
        Denied::Wrong
    );
    let challenge = admission.challenge(&cookie).await.unwrap();
    assert_eq!(
        admission.prove(challenge, "").await.unwrap_err(),
        Denied::Wrong
    );
    assert_eq!(
        admission
            .challenge(&signed_in.proof.reveal())
            .await
            .unwrap_err(),
        Denied::Wrong
    );
}

#[tokio::test]
async fn signing_out_revokes_everybody_of_that_sign_in_and_nobody_else() {
    let (token, main) = credential("main", Role::Operate);
    let mut book = book(vec![main]);
    let now = Instant::now();
    let (cookie, first) = enter(&mut book, &token, now);
    let (other_cookie, other) = enter(&mut book, &token, now);
    let second = first.clone();

    book.sign_out(cookie.digest(), true, now).unwrap();
    assert!(first.revoked.is_cancelled() && second.revoked.is_cancelled());
    assert!(!other.revoked.is_cancelled());
    assert!(!is_known(&mut book, &cookie, now));

    let Via::SignIn(id) = other.via else {
        panic!("came in with a sign-in")
    };
    assert!(book.revoke(id));
    assert!(other.revoked.is_cancelled());
    assert!(!book.revoke(id) && !is_known(&mut book, &other_cookie, now));
}

#[tokio::test]
async fn a_sign_in_ends_when_idle_but_not_while_a_socket_is_open() {
    let (token, main) = credential("main", Role::Operate);
    let mut book = book(vec![main]);
    let start = Instant::now();
    let (watched, socket) = enter(&mut book, &token, start);
    let (left, gone) = enter(&mut book, &token, start);
    drop(gone);

    assert!(is_known(&mut book, &left, start + LIFETIMES.idle / 2));
    let later = start + HOUR;
    assert_eq!(
        (
            is_known(&mut book, &watched, later),
            is_known(&mut book, &left, later)
        ),
        (true, false)
    );
    assert_eq!(book.list(later).len(), 1);

    book.drop_expired(start + LIFETIMES.absolute);
    assert!(socket.revoked.is_cancelled());
    assert!(!is_known(&mut book, &watched, start + LIFETIMES.absolute));
}

#[tokio::test]
async fn an_open_socket_hears_of_the_end_of_its_sign_in() {
    let (token, main) = credential("main", Role::Operate);
    let lifetimes = Lifetimes {
        idle: Duration::from_millis(50),
        absolute: Duration::from_millis(50),
    };
    let admission = Admission::spawn(Args::new(vec![main], true, lifetimes, BUDGET));
    let signed_in = admission.sign_in(token.reveal(), "").await.unwrap();
    let challenge = admission
        .challenge(&signed_in.cookie.reveal())
        .await
        .unwrap();
    let mac = mac(&signed_in.proof, &challenge.nonce);
    let principal = admission.prove(challenge, &mac).await.unwrap();
    soon(principal.revoked.cancelled()).await;
}

#[tokio::test]
async fn a_removed_credential_takes_its_principals_and_sign_ins_with_it() {
    let (old, main) = credential("main", Role::Operate);
    let (kept, phone) = credential("phone", Role::View);
    let (new, rotated) = credential("main", Role::Operate);
    let admission = admission(vec![main, phone.clone()]);
    let program = admission.bearer(old.reveal()).await.unwrap();
    let watcher = admission.bearer(kept.reveal()).await.unwrap();
    let browser = admission.sign_in(old.reveal(), "").await.unwrap();
    let staying = admission.sign_in(kept.reveal(), "").await.unwrap();

    let reloaded = admission
        .reload(vec![phone.clone(), rotated])
        .await
        .unwrap();
    assert_eq!(
        reloaded,
        Reloaded {
            added: 1,
            removed: 1,
            sign_ins_ended: 1
        }
    );
    assert!(program.revoked.is_cancelled() && !watcher.revoked.is_cancelled());
    assert_eq!(
        admission.bearer(old.reveal()).await.unwrap_err(),
        Denied::Wrong
    );
    assert!(admission.bearer(new.reveal()).await.is_ok());
    assert_eq!(
        admission
            .signed_in(&browser.cookie.reveal())
            .await
            .unwrap_err(),
        Denied::Wrong
    );
    assert!(admission.signed_in(&staying.cookie.reveal()).await.is_ok());

    // Another role for the same token is another credential: what was opened with the old role must not stay open.
    admission
        .reload(vec![Credential {
            role: Role::Operate,
            ..phone
        }])
        .await
        .unwrap();
    assert!(watcher.revoked.is_cancelled());
    assert_eq!(admission.sign_ins().await.unwrap(), []);
}

#[tokio::test]
async fn an_invitation_signs_in_once_and_in_time_and_is_no_bearer_token() {
    let (_, main) = credential("main", Role::Approve);
    let mut book = book(vec![main]);
    let now = Instant::now();
    let minutes = Duration::from_secs(120);
    assert!(book.invite(Role::Operate, minutes, now).unwrap().is_none());
    let invite = |book: &mut Book| {
        let code = book.invite(Role::Approve, minutes, now).unwrap().unwrap();
        presented(&code.reveal())
    };
    let code = invite(&mut book);
    assert_eq!(book.bearer(code, now).unwrap_err(), Denied::Wrong);
    assert_eq!(book.sign_in(code, "", now).unwrap().role, Role::Approve);
    assert_eq!(book.sign_in(code, "", now).unwrap_err(), Denied::Wrong);

    let late = invite(&mut book);
    assert_eq!(
        book.sign_in(late, "", now + minutes).unwrap_err(),
        Denied::Wrong
    );
    let orphan = invite(&mut book);
    book.reload(Vec::new());
    assert_eq!(book.sign_in(orphan, "", now).unwrap_err(), Denied::Wrong);
}

#[tokio::test]
async fn an_invitation_never_gives_more_than_its_role_nor_than_its_credential_has_by_then() {
    let (token, main) = credential("main", Role::Operate);
    let mut book = book(vec![main.clone()]);
    let now = Instant::now();
    let invite = |book: &mut Book, role| {
        let code = book.invite(role, HOUR, now).unwrap().unwrap();
        presented(&code.reveal())
    };
    let watching = invite(&mut book, Role::View);
    assert_eq!(book.sign_in(watching, "", now).unwrap().role, Role::View);
    let list = book.list(now);
    assert_eq!((&*list[0].name, list[0].role), ("main", Role::View));

    let operating = invite(&mut book, Role::Operate);
    let lowered = Credential {
        role: Role::Approve,
        ..main
    };
    book.reload(vec![lowered]);
    assert_eq!(
        book.sign_in(operating, "", now).unwrap().role,
        Role::Approve
    );
    assert_eq!(
        book.bearer(presented(token.reveal()), now).unwrap().role,
        Role::Approve
    );
}

#[tokio::test]
async fn all_sign_ins_but_ones_own_end_and_their_sockets_with_them() {
    let (token, main) = credential("main", Role::Operate);
    let mut book = book(vec![main]);
    let now = Instant::now();
    let (_, own) = enter(&mut book, &token, now);
    let (cookie, other) = enter(&mut book, &token, now);
    let Via::SignIn(id) = own.via else {
        panic!("it signed in")
    };
    assert_eq!(book.revoke_others(Some(id)), 1);
    assert_eq!(
        (own.revoked.is_cancelled(), other.revoked.is_cancelled()),
        (false, true)
    );
    assert!(!is_known(&mut book, &cookie, now));
    assert_eq!(book.revoke_others(None), 1);
    assert_eq!(book.list(now), []);
}

#[tokio::test]
async fn the_list_of_sign_ins_names_devices_and_stays_bounded() {
    let (token, main) = credential("main", Role::Operate);
    let mut book = book(vec![main]);
    let now = Instant::now();
    let (_, socket) = enter(&mut book, &token, now);
    let info = &book.list(now + HOUR)[0];
    assert_eq!(
        (&*info.name, &*info.device, info.sockets, info.idle),
        ("main", "Firefox", 1, Duration::ZERO)
    );
    assert_eq!(SignInId::parse(&info.id.to_string()), Some(info.id));

    for _ in 0..300 {
        book.sign_in(presented(token.reveal()), "", now).unwrap();
    }
    let list = book.list(now);
    assert_eq!(list.len(), 256);
    assert_eq!(
        list.iter()
            .map(|info| info.id)
            .collect::<HashSet<_>>()
            .len(),
        256
    );
    drop(socket);
}

#[tokio::test]
async fn no_debug_output_shows_a_secret() {
    let (token, main) = credential("main", Role::Operate);
    let args = Args::new(vec![main], true, LIFETIMES, BUDGET);
    let admission = Admission::spawn(args.clone());
    let signed_in = admission.sign_in(token.reveal(), "").await.unwrap();
    let challenge = admission
        .challenge(&signed_in.cookie.reveal())
        .await
        .unwrap();
    let mac = mac(&signed_in.proof, &challenge.nonce);
    let shown = format!(
        "{admission:?} {args:?} {signed_in:?} {challenge:?} {:?}",
        admission.bearer(token.reveal()).await
    );
    for secret in [
        token.reveal(),
        &signed_in.cookie.reveal(),
        &signed_in.proof.reveal(),
        &mac,
    ] {
        assert!(!shown.contains(secret));
    }
}

/// Stands for the host: supervises admission and nothing else.
struct Supervisor;

impl Actor for Supervisor {
    type Args = ();
    type Error = std::convert::Infallible;

    async fn on_start((): (), _: ActorRef<Self>) -> Result<Self, Self::Error> {
        Ok(Self)
    }
}

#[tokio::test]
async fn a_restart_of_the_actor_signs_nobody_out() {
    let (token, main) = credential("main", Role::Operate);
    let supervisor = Supervisor::spawn(());
    let admission =
        Admission::spawn_under(&supervisor, Args::new(vec![main], true, LIFETIMES, BUDGET)).await;
    let signed_in = admission.sign_in(token.reveal(), "").await.unwrap();
    let program = admission.bearer(token.reveal()).await.unwrap();

    admission.actor().kill();
    // The question that meets the restart may be lost; the next one is answered by the new incarnation.
    let known = soon(async {
        loop {
            match admission.signed_in(&signed_in.cookie.reveal()).await {
                Err(Denied::Unavailable) => tokio::task::yield_now().await,
                other => break other,
            }
        }
    });
    assert!(known.await.is_ok());
    assert!(!program.revoked.is_cancelled());
    supervisor.stop_gracefully().await.unwrap();
}

#[test]
fn a_sign_in_outlives_the_host_until_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sign-ins.json");
    let (token, main) = credential("main", Role::Operate);
    let (_, other) = credential("main", Role::Operate);
    let start = |credentials: Vec<Credential>| {
        let mut book = book(credentials);
        book.keep_in(Store::new(path.clone()), Instant::now());
        book
    };

    let mut first = start(vec![main.clone()]);
    let (cookie, _presence) = enter(&mut first, &token, Instant::now());
    first.store_changes();
    let stored = std::fs::read_to_string(&path).unwrap();
    assert!(
        !stored.contains(&cookie.reveal()),
        "the cookie itself is stored"
    );

    let code = first.invite(Role::View, HOUR, Instant::now()).unwrap();
    let code = presented(&code.expect("main may that").reveal());
    first.sign_in(code, "", Instant::now()).unwrap();
    first.store_changes();

    let mut second = start(vec![main.clone()]);
    let roles = second.list(Instant::now()).into_iter().map(|it| it.role);
    assert_eq!(
        roles.collect::<HashSet<_>>(),
        [Role::Operate, Role::View].into()
    );
    assert!(is_known(&mut second, &cookie, Instant::now()));
    assert!(!is_known(
        &mut second,
        &cookie,
        Instant::now() + LIFETIMES.absolute
    ));

    let mut other_token = start(vec![other]);
    assert!(!is_known(&mut other_token, &cookie, Instant::now()));
    let mut third = start(vec![main]);
    assert!(
        !is_known(&mut third, &cookie, Instant::now()),
        "it ended with its credential"
    );
}

#[test]
fn a_damaged_store_signs_nobody_in_and_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sign-ins.json");
    std::fs::write(&path, "[{\"id\":").unwrap();
    let (_, main) = credential("main", Role::Operate);
    let mut book = book(vec![main]);
    book.keep_in(Store::new(path), Instant::now());
    assert!(book.list(Instant::now()).is_empty());
}
