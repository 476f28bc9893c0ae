//! A client of the service `stock.Stock` that retries, as a service contains it.

use core::time::Duration;
use std::sync::Arc;

use retry_core::budget::RetryThrottle;
use retry_core::circuit::NoCircuit;
use retry_core::policy::Hints;
use retry_core::{Error, Policy, Progress, Retry, SharedBudget};
use retry_tokio::{Tokio, TonicClassifier, retry};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::stock::stock_client::StockClient;
use crate::stock::{Article, NewOrder};

/// At most 4 attempts of 1 s each, and 5 s for the call. A pushback replaces the backoff.
pub const POLICY: Policy = Policy::exponential(Duration::from_millis(100))
    .max_delay(Duration::from_secs(1))
    .max_attempts(4)
    .attempt_timeout(Duration::from_secs(1))
    .total_timeout(Duration::from_secs(5))
    .hints(Hints::Exact);

/// A client of the stock. Clones share the channel and its retry throttle.
#[derive(Clone, Debug)]
pub struct Stock {
    stub: StockClient<Channel>,
    calls: Arc<Calls>,
    throttle: Arc<Throttle>,
}

type Throttle = SharedBudget<RetryThrottle>;
type Calls = Retry<Tokio, Policy, NoCircuit, Arc<Throttle>, TonicClassifier>;

impl Stock {
    /// Makes a client. All calls on the channel share one throttle with these rules, as gRFC A6 wants it.
    pub fn new(channel: Channel, policy: Policy, throttle: RetryThrottle) -> Self {
        let throttle = Arc::new(SharedBudget::new(throttle));
        let calls = retry(policy).budget(throttle.clone()).classifier(TonicClassifier::IDEMPOTENT);
        Self { stub: StockClient::new(channel), calls: Arc::new(calls), throttle }
    }

    /// Reads how much of an article is in stock.
    ///
    /// # Errors
    /// Returns an error if the call gives up.
    pub async fn count(&self, sku: &str) -> Result<u32, Error<Status>> {
        let call = self.calls.by_ref().named("stock.Stock/Count");
        let amount = call.run_with(|progress, _| {
            let (mut stock, request) = (self.stub.clone(), request(Article { sku: sku.into() }, progress));
            async move { stock.count(request).await }
        });
        Ok(amount.await?.into_inner().count)
    }

    /// Reads the amounts of an article in all stores. If the stream breaks, all of them are read again.
    ///
    /// # Errors
    /// Returns an error if the call gives up.
    pub async fn list(&self, sku: &str) -> Result<Vec<u32>, Error<Status>> {
        let call = self.calls.by_ref().named("stock.Stock/List");
        let amounts = call.run_with(|progress, _| {
            let (mut stock, request) = (self.stub.clone(), request(Article { sku: sku.into() }, progress));
            async move {
                let (mut stream, mut amounts) = (stock.list(request).await?.into_inner(), Vec::new());
                while let Some(amount) = stream.message().await? {
                    amounts.push(amount.count);
                }
                Ok(amounts)
            }
        });
        amounts.await
    }

    /// Orders an article. The service cannot recognise a repeated order, so the call is sent again only if the service
    /// cannot have received it.
    ///
    /// # Errors
    /// Returns an error if the call gives up.
    pub async fn order(&self, sku: &str, count: u32) -> Result<u64, Error<Status>> {
        let call = self.calls.by_ref().named("stock.Stock/Order").classifier(TonicClassifier::NOT_IDEMPOTENT);
        let receipt = call.run_with(|progress, _| {
            let order = NewOrder { sku: sku.into(), count };
            let (mut stock, request) = (self.stub.clone(), request(order, progress));
            async move { stock.order(request).await }
        });
        Ok(receipt.await?.into_inner().number)
    }

    /// Returns the throttle of the channel.
    pub fn throttle(&self) -> &Throttle {
        &self.throttle
    }
}

/// Opens a channel. It connects when it is first used, and again after the connection was lost.
///
/// # Errors
/// Returns an error if the URI is invalid.
pub fn channel(uri: String) -> Result<Channel, tonic::transport::Error> {
    Ok(Endpoint::from_shared(uri)?.connect_timeout(Duration::from_secs(1)).connect_lazy())
}

/// Makes the request of an attempt. The headers tell the server how much time is left, so that it stops its work by
/// then, and which attempt this is.
fn request<T>(message: T, progress: Progress) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(left) = progress.left {
        request.set_timeout(left);
    }
    if progress.attempt > 1 {
        let previous = (progress.attempt - 1).into();
        request.metadata_mut().insert("grpc-previous-rpc-attempts", previous);
    }
    request
}
