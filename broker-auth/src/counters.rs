//! What happened to connections before they had a session, counted for operators.

mqtt::counters! {
    /// TCP connections accepted.
    connections,
    /// Connections turned away because a limit was met.
    connections_limited,
    /// Of those: their address had all its places.
    connections_limited_by_address,
    /// Of those: the network of their address had all its places.
    connections_limited_by_prefix,
    /// Connections of balancers that did not say where their client is.
    proxy_headers_refused,
    /// Handshakes that waited because too many began.
    handshakes_paced,
    /// Handshakes that waited because others were computed.
    handshakes_queued,
    /// Handshakes that failed or were refused.
    handshakes_refused,
    /// Of those: the client was too slow.
    handshake_timeouts,
    /// Of those: they waited to begin for too long.
    handshakes_limited,
    /// Of those: they asked for a server that is not here.
    server_names_refused,
    /// Connections that were silent for too long before CONNECT.
    connect_timeouts,
    /// Clients without a proven certificate that were turned away because there were too many.
    unproven_limited,
    /// Clients let in though neither OCSP nor a revocation list says whether they are revoked.
    ocsp_unchecked,
    /// CONNECTs accepted.
    connects,
    /// CONNECTs refused.
    connects_refused,
    /// HTTP requests.
    requests,
    /// Of those: refused, or cut while they were answered.
    requests_refused,
    /// Events about connections that could not be told, because too many waited.
    events_lost,
}
