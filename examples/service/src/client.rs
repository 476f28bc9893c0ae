//! The client of the upstream hosts: one circuit per host, and one policy and one retry budget for all.

use core::mem;
use std::sync::Arc;

use anyhow::Result;
use http::Response as HttpResponse;
use reqwest::{Body, Client, RequestBuilder, Response};
use retry_core::{
    CircuitPool, ConfigError, Error, Retry, SharedBudget, TokenBucket,
    circuit::NoCircuit,
    dead_letter::{Reason, ReasonSet},
    observe::{LogFacade, MetricsFacade},
    policy::ReloadablePolicy,
    runtime::{Entropy, Sleep},
};
use retry_tokio::ReqwestClassifier;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Hosts};
use crate::letters::{DISK, IDEMPOTENCY_KEY, Letters, Order, Undelivered};

/// Sends a request: over the network in the service, to a script in tests.
pub(crate) trait Transport {
    fn send(&self, request: RequestBuilder) -> impl Future<Output = reqwest::Result<Response>> + Send;
}

pub(crate) struct Network;

impl Transport for Network {
    /// Sends the request and reads the whole response, so that an attempt fails if its response is incomplete.
    async fn send(&self, request: RequestBuilder) -> reqwest::Result<Response> {
        let mut response = request.send().await?;
        let mut whole = HttpResponse::new(Body::default());
        *whole.status_mut() = response.status();
        *whole.headers_mut() = mem::take(response.headers_mut());
        *whole.body_mut() = response.bytes().await?.into();
        Ok(whole.into())
    }
}

/// The retry settings of every call. Each call adds its name and its circuit.
type Calls<R> = Retry<
    R,
    Arc<ReloadablePolicy>,
    NoCircuit,
    Arc<SharedBudget<TokenBucket>>,
    ReqwestClassifier,
    (MetricsFacade, LogFacade),
>;

/// The result of a call.
pub(crate) type Answer = Result<Response, Error<reqwest::Error>>;

/// Calls the upstream hosts.
pub(crate) struct Upstream<R, T> {
    calls: Calls<R>,
    policy: Arc<ReloadablePolicy>,
    circuits: CircuitPool,
    pub(crate) letters: Letters,
    shutdown: CancellationToken,
    hosts: Hosts,
    client: Client,
    runtime: R,
    transport: T,
}

/// An order becomes a dead letter for the default reasons, and also if the shutdown cancels it.
const KEPT: ReasonSet = ReasonSet::DEFAULT.with(Reason::Cancelled);

impl<R: Sleep + Entropy + Clone, T: Transport> Upstream<R, T> {
    /// Makes a client from `config` on this runtime. Cancelling `shutdown` ends its calls.
    pub(crate) fn new(
        config: &Config,
        letters: Letters,
        shutdown: CancellationToken,
        runtime: R,
        transport: T,
    ) -> Result<Self> {
        let policy = Arc::new(ReloadablePolicy::new(config.policy));
        let calls = Retry::new(policy.clone(), runtime.clone())
            .budget(Arc::new(SharedBudget::new(config.budget.rules())))
            .classifier(ReqwestClassifier)
            .observe((MetricsFacade::new(), LogFacade));
        let circuits = CircuitPool::try_new(1_000, config.circuit)?;
        let (hosts, client) = (config.upstream.clone(), Client::builder().no_proxy().build()?);
        Ok(Self { calls, policy, circuits, letters, shutdown, hosts, client, runtime, transport })
    }

    /// Reads the stock of an article. If the last attempt gets an error response, that response is returned.
    pub(crate) async fn stock(&self, sku: &str) -> Answer {
        let host = &self.hosts.stock;
        let circuit = self.circuits.get(host.name());
        let calls = self.calls.by_ref().named("stock.read").keyed(&circuit).circuit(circuit);
        calls
            .until(self.shutdown.cancelled())
            .return_last()
            .run(|| self.transport.send(self.client.get(host.url(&["stock", sku]))))
            .await
    }

    /// Sends an order, with the same idempotency key in every attempt. If it cannot be delivered, it becomes a dead
    /// letter, which is on disk when this ends. If the disk does not take it, the letter is in memory.
    pub(crate) async fn order(&self, order: &Order, idempotency_key: &str) -> Answer {
        let host = &self.hosts.orders;
        let circuit = self.circuits.get(host.name());
        let calls = self.calls.by_ref().named("order.send").keyed(&circuit).circuit(circuit);
        let letters = self.letters.writer.or(&self.letters.memory).within(DISK);
        calls
            .deliver_dead_letters(letters)
            .until(self.shutdown.cancelled())
            .only(KEPT)
            .metadata(&[(IDEMPOTENCY_KEY, idempotency_key)])
            .payload(|| Undelivered { order: order.clone(), idempotency_key: idempotency_key.to_owned() })
            .run(|| {
                let request = self.client.post(host.url(&["orders"])).json(order);
                self.transport.send(request.header(IDEMPOTENCY_KEY, idempotency_key))
            })
            .await
    }

    /// Changes the policy of the calls that begin from now on, and the rules of the circuits at once.
    ///
    /// # Errors
    /// Returns an error if the rules are invalid for the circuits' window. Nothing changes then.
    pub(crate) fn reload(&self, config: &Config) -> Result<(), ConfigError> {
        self.circuits.reconfigure(config.circuit, self.runtime.now())?;
        self.policy.reload(config.policy);
        Ok(())
    }

    /// Lists the phase of each circuit, one per line.
    pub(crate) fn health(&self) -> String {
        self.circuits.iter().map(|circuit| format!("{}: {}\n", circuit.name(), circuit.phase())).collect()
    }
}

#[cfg(test)]
mod tests;
