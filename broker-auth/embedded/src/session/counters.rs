//! What happened to sessions and messages, counted for operators.

mqtt::counters! {
    /// CONNECTs refused: there was no room for another session.
    sessions_limited,
    /// Of those: the identity had all its sessions.
    sessions_limited_by_identity,
    /// Of those: the will was too large, or its topic.
    wills_limited,
    /// Sessions closed because their certificate is no longer good.
    sessions_cut,
    /// Messages accepted from clients.
    published,
    /// Publishes refused.
    publishes_denied,
    /// Publishers that waited because too much was on its way into the engine.
    publishes_delayed,
    /// Packets longer than allowed.
    packets_limited,
    /// QoS 2 messages beyond those a client may have unreleased.
    inflight_limited,
    /// Topics and filters longer than allowed, or of more levels.
    topics_limited,
    /// Topic aliases beyond those a client may use.
    topic_aliases_limited,
    /// Subscriptions refused.
    subscriptions_denied,
    /// Subscriptions beyond those a client may have.
    subscriptions_limited,
    /// Deliveries that the permit no longer allowed.
    deliveries_denied,
    /// Messages lost because a client's queue was full.
    dropped_queue_full,
    /// Of those: the queues of all clients together were.
    dropped_memory_full,
    /// Messages lost because a session was too far behind the engine.
    dropped_lagging,
    /// Messages too long for the client they were for.
    dropped_oversize,
    /// Messages that clients had not taken, or not acknowledged, when the broker stopped.
    dropped_stopping,
    /// Retained messages not kept because the store, or the identity's share of it, was full.
    retained_refused,
    /// Of those: the identity's share.
    retained_refused_by_identity,
}
