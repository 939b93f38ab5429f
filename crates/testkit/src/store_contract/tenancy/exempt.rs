//! The functions of the store that are not driven with a foreign thing, each with its reason.
//!
//! Short on purpose: whoever adds one argues here why it cannot reach over the wall.

/// Functions that take neither a project nor a person. The second part says why that is right.
pub const WITHOUT_SCOPE: &[(&str, &str)] = &[
    // A secret that nobody else has, or something a person has proved to be theirs, is the scope.
    (
        "Reader::step_token",
        "the token is the proof, and its row says whose it is",
    ),
    (
        "Reader::api_key_by_token",
        "the token is the proof, and its row says whose it is",
    ),
    (
        "Reader::session_by_token",
        "the token is the proof, and its row says whose it is",
    ),
    (
        "Reader::one_time_token",
        "the token is the proof, and its row says whose it is",
    ),
    (
        "Tx::use_one_time_token",
        "the token is the proof, and its row says whose it is",
    ),
    (
        "Reader::session_of_ended_token",
        "the token is the proof, and its row says whose it was",
    ),
    (
        "Reader::is_invited_with",
        "the code is the proof, and it is one invitation's",
    ),
    (
        "Reader::newest_one_time_token",
        "of an address; what it gives goes into a mail to that address",
    ),
    ("Tx::touch_session", "the session was found by its token"),
    ("Reader::account_of_identity", "a provider has vouched for the identity"),
    ("Reader::has_departed", "a provider has vouched for the identity"),
    ("Tx::note_departure", "a provider has vouched for the identity"),
    ("Tx::heed_webhook", "the message was signed by a provider"),
    ("Tx::insert_pending_sign_in", "nobody is signed in yet"),
    (
        "Tx::take_pending_sign_in",
        "the fingerprint is made of secrets that only one browser has",
    ),
    ("Reader::account_by_email", "finds out who has the address"),
    (
        "Tx::revoke_one_time_tokens",
        "of an address whose owner has changed the password",
    ),
    ("Reader::invitations_to", "of an address that its owner has proved"),
    // An address leads to a project before anybody knows whose it is.
    ("Reader::project_by_slug", "finds out which project has the address"),
    (
        "Reader::project_address",
        "finds out which project the address leads to",
    ),
    // The platform's own work, over all projects. Nobody's request gets there.
    ("Reader::projects", "the command line on the data directory lists all"),
    ("Reader::memberless_projects", "the operator adopts what nobody is in"),
    ("Reader::projects_to_purge", "the reconciler that purges"),
    ("Reader::next_purge", "the reconciler that purges"),
    (
        "Reader::unheld_blobs",
        "the collection of blobs; a blob is any project's that has the same content",
    ),
    ("Reader::unfinished_runs", "recovery at the start"),
    ("Reader::steps_with_sandbox", "recovery at the start"),
    ("Reader::under_way", "numbers for the metrics"),
    ("Reader::reservations_of_other_boots", "recovery at the start"),
    ("Tx::void_leases", "recovery at the start"),
    (
        "Tx::claim_tasks",
        "a worker serves all projects; each claimed task names its own",
    ),
    (
        "Reader::count_sealed_with_other_keys",
        "the rotation of the server's keys",
    ),
    ("Reader::sealed_with_other_keys", "the rotation of the server's keys"),
    (
        "Reader::mail",
        "the outbox is nobody's project; this tells how far a mail is, and never what it says",
    ),
    ("Reader::waiting_mails", "the outbox, for its sender and the metrics"),
    ("Reader::ended_mails", "the outbox, for its sender and the metrics"),
    ("Tx::claim_mails", "the outbox; a sender serves everybody"),
    ("Tx::end_mail", "the outbox; the fence is the proof"),
    ("Tx::retry_mail", "the outbox; the fence is the proof"),
    ("Tx::void_mail_holds", "recovery at the start"),
    ("Tx::expire_mails", "the outbox gives up what nobody wants any more"),
    ("Tx::sweep_mails", "retention"),
    (
        "Tx::expire_invitations",
        "the reconciler that ends invitations; each names its project",
    ),
    ("Tx::trim_audit", "retention"),
    ("Tx::sweep_ended_work", "retention"),
    ("Tx::sweep_ended_access", "retention"),
    ("Tx::sweep_requests", "retention"),
    ("Tx::sweep_accounts", "retention"),
    ("Tx::trim_throttles", "retention"),
    // Of the server itself.
    ("Reader::setting", "the server's own"),
    ("Tx::put_setting", "the server's own"),
    ("Tx::insert_boot", "the server's own"),
    ("Reader::has_operator", "the server's own"),
    ("Reader::operators", "the server's own"),
    ("Tx::admit", "a throttle is named by a hash, which has the thing in it"),
    (
        "Tx::readmit",
        "a throttle is named by a hash, which has the thing in it",
    ),
    (
        "Tx::clear_throttle",
        "a throttle is named by a hash, which has the thing in it",
    ),
];

/// Functions that take a project or a person and yet cannot be driven with a foreign thing.
pub const EXEMPT: &[(&str, &str)] = &[
    (
        "Tx::rewrite_mail",
        "whoever holds a mail says what it is about: the person is a value, not a scope",
    ),
    (
        "Tx::insert_member",
        "anybody may be in any project: who may add whom is the engine's to know",
    ),
    (
        "Reader::scopes_with_changes",
        "retention goes through all scopes; the scope it takes is where to go on",
    ),
];
