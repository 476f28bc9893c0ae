//! Uploads as a service does them: retried below object_store, and kept as dead letters if they fail.

use core::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ObjectStoreExt, RetryConfig, WriteMultipart};
use reqwest::ClientBuilder;
use retry_core::dead_letter::{DeadLetterQueue, WhenFull};
use retry_core::{Error, Policy, SharedBudget, TokenBucket};
use retry_tokio::{ReqwestClient, RetryConnector, object_store_error, retry};

use crate::Result;

/// At most 4 attempts per request, with hints of up to 60 s. The client limits an attempt, by
/// its `read_timeout`.
pub const POLICY: Policy = Policy::exponential(Duration::from_millis(50))
    .max_delay(Duration::from_secs(5))
    .max_attempts(4)
    .max_hint(Duration::from_secs(60))
    .start_within(Duration::from_secs(600)); // a signature is valid for 15 minutes

/// Opens the bucket of these settings, such as `AmazonS3Builder::from_env()`. object_store's own retries are off, because
/// they would multiply the attempts.
///
/// # Errors
/// Returns an error if a setting is invalid.
pub fn bucket(settings: AmazonS3Builder, client: ClientBuilder, policy: Policy) -> Result<AmazonS3> {
    let client = client
        .connect_timeout(Duration::from_secs(5))
        // From the start of a request to the head of its response, and then between two reads. So the largest part must
        // be sent in this time.
        .read_timeout(Duration::from_secs(600))
        .build()?;
    let calls = retry(policy).budget(SharedBudget::new(TokenBucket::DEFAULT)).named("s3");
    let never = RetryConfig { max_retries: 0, ..RetryConfig::default() };
    let store = settings
        .with_retry(never)
        .with_http_connector(RetryConnector::new(ReqwestClient(client), calls))
        .build()?;
    Ok(store)
}

/// Uploads objects. The key of an object that could not be uploaded becomes a dead letter.
#[derive(Debug)]
pub struct Uploads {
    store: AmazonS3,
    part: usize,
    pub letters: DeadLetterQueue<String>,
}

impl Uploads {
    /// Makes uploads to a bucket, of objects in parts of this size. S3 takes parts of 5 MiB to 5 GiB.
    pub fn new(store: AmazonS3, part: usize) -> Self {
        Self { store, part, letters: DeadLetterQueue::new(1_000, WhenFull::Refuse) }
    }

    /// Uploads an object. If it is larger than a part, it goes up in parts, which are removed if it fails.
    ///
    /// # Errors
    /// Returns an error if the upload failed. It is a dead letter then.
    pub async fn put(&self, key: &str, content: Vec<u8>) -> Result<(), Error<object_store::Error>> {
        self.once(key, || self.send(key, &content)).await
    }

    async fn send(&self, key: &str, content: &[u8]) -> object_store::Result<()> {
        let path = Path::from(key);
        if content.len() <= self.part {
            return self.store.put(&path, content.to_vec().into()).await.map(drop);
        }
        let mut upload =
            WriteMultipart::new_with_chunk_size(self.store.put_multipart(&path).await?, self.part);
        for part in content.chunks(self.part) {
            // At most 4 parts at once.
            if let Err(error) = upload.wait_for_capacity(4).await {
                _ = upload.abort().await; // the first error is the one to tell
                return Err(error);
            }
            upload.write(part);
        }
        upload.finish().await.map(drop)
    }

    /// Uploads the objects of the dead letters, the oldest first. Returns how many. At the first one that fails, it stops,
    /// and the letter is the oldest again. So all letters that are left stay in the queue, and none is doubled.
    ///
    /// # Errors
    /// Returns an error with the key if an upload failed, or if the queue has filled up and refused its letter.
    pub async fn redrive(&self, content: impl Fn(&str) -> Vec<u8>) -> Result<usize> {
        let mut uploaded = 0;
        while let Some(letter) = self.letters.pop() {
            let key = letter.payload.clone();
            // Below `once`, which would add a second letter.
            if let Err(error) = self.send(&key, &content(&key)).await {
                let kept = self.letters.requeue(letter);
                return Err(match kept {
                    Ok(()) => format!("{key}: {error}").into(),
                    Err(_) => {
                        format!("{key}: {error}, and its letter is lost, because the queue is full").into()
                    }
                });
            }
            uploaded += 1;
        }
        Ok(uploaded)
    }

    /// Runs an upload once: the requests inside are retried. Only the letter is added here.
    async fn once<F: Future<Output = object_store::Result<()>>>(
        &self,
        key: &str,
        upload: impl FnMut() -> F,
    ) -> Result<(), Error<object_store::Error>> {
        const ONCE: Policy = Policy::DEFAULT.max_attempts(1);

        retry(ONCE)
            .classify(object_store_error)
            .named("upload")
            .dead_letters(&self.letters)
            .payload(|| key.to_owned())
            .run(upload)
            .await
    }
}
