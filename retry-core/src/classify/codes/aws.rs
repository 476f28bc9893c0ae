//! Error codes of AWS.

use crate::class::Class;

impl Class {
    /// Returns the class of an error code of an AWS service, such as `SlowDown` of S3 or `ThrottlingException` of
    /// DynamoDB.
    ///
    /// The code decides before the status, because the services throttle with 400, and S3 answers an idle upload with
    /// 400 `RequestTimeout`:
    ///
    /// ```
    /// use retry_core::Class;
    ///
    /// let class = |status, code| Class::of_aws_code(code).or(Class::of_http_status(status));
    /// assert_eq!(class(400, "RequestTimeout"), Some(Class::Timeout));
    /// assert_eq!(class(400, "ProvisionedThroughputExceededException"), Some(Class::RateLimit));
    /// assert_eq!(class(400, "com.amazonaws.dynamodb.v20120810#ThrottlingException"), Some(Class::RateLimit));
    /// assert_eq!(class(400, "SomethingNew"), Some(Class::Validation)); // by the status
    /// ```
    ///
    /// | class | codes |
    /// |---|---|
    /// | `RateLimit` | what the SDKs call throttling: `Throttling`, `ThrottlingException`, `ThrottledException`, `EC2ThrottledException`, `RequestThrottled`, `RequestLimitExceeded`, `TooManyRequestsException`, `ProvisionedThroughputExceededException`, `LimitExceededException`, `BandwidthLimitExceeded`, `PriorRequestNotComplete`, `SlowDown`, `TooManyRequests`; any other with `Throttl` |
    /// | `Timeout` | `RequestTimeout`, `RequestTimeoutException`, `OperationTimeoutException` |
    /// | `Transient` | `TransactionInProgressException`, `TransactionConflictException`, `OperationAborted`, `ConditionalRequestConflict`, `ModelNotReadyException`, `IDPCommunicationError`, `ReplicatedWriteConflictException`, `ConcurrentModificationException`, `ResourceNotReadyException`, `TemporaryRedirect` |
    /// | `Server` | `InternalError`, `InternalFailure`, `InternalServerError`, `ServiceUnavailable`, `Unavailable`, `InsufficientInstanceCapacity`, `ModelStreamErrorException` |
    /// | `Client` | credentials and signatures; `AccessDenied`; `ConditionalCheckFailedException`, `PreconditionFailed`; `BucketAlreadyExists`, `ResourceInUseException` |
    /// | `NotFound` | `NoSuchKey` and any other `NoSuch`, `ResourceNotFoundException` and any other `NotFoundException` |
    /// | `Validation` | `ValidationException`, `InvalidParameterValue`, `EntityTooLarge`, `MalformedXML` and their like |
    /// | `Permanent` | `NotImplemented`, `MethodNotAllowed`, `PermanentRedirect`, quotas of an account such as `VcpuLimitExceeded` |
    /// | `Unknown` | `TransactionCanceledException`: its reasons decide |
    ///
    /// Text before a `#` or after a `:`, as in the header `x-amzn-errortype`, is skipped, and so is `Client.` or
    /// `Server.` at the beginning. Sources: the SDKs' [retry behavior], [S3's errors], [DynamoDB's errors],
    /// [EC2's errors], [Lambda's errors].
    ///
    /// [retry behavior]: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
    /// [EC2's errors]: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    /// [Lambda's errors]: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors
    /// [S3's errors]: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    /// [DynamoDB's errors]: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
    pub fn of_aws_code(code: &str) -> Option<Self> {
        let code = code.rsplit('#').next()?;
        let code = code.split(':').next()?;
        // EC2 may say first which side is at fault.
        let code = code.strip_prefix("Client.").or_else(|| code.strip_prefix("Server.")).unwrap_or(code);
        named(code).or_else(|| {
            let by_part = [
                (code.contains("Throttl"), Self::RateLimit),
                // In a text, this word means too many things to be a code.
                (code == "Unavailable", Self::Server),
                (code.starts_with("NoSuch"), Self::NotFound),
                (code.ends_with("NotFoundException") || code.ends_with(".NotFound"), Self::NotFound),
                (code.ends_with("AlreadyExistsException"), Self::Client),
            ];
            by_part.into_iter().find(|(is_it, _)| *is_it).map(|(_, class)| class)
        })
    }
}

/// Returns the class of a code that is listed.
pub(in crate::classify) fn named(code: &str) -> Option<Class> {
    Some(match code {
        "Throttling"
        | "ThrottlingException"
        | "ThrottlingError"
        | "ThrottledException"
        | "EC2ThrottledException"
        | "KMSThrottlingException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "RequestLimitExceeded"
        | "TooManyRequestsException"
        | "ProvisionedThroughputExceededException"
        | "ProvisionedThroughputExceeded"
        | "LimitExceededException"
        | "BandwidthLimitExceeded"
        | "PriorRequestNotComplete"
        | "ConcurrentRunsExceededException"
        | "TooManyRequests"
        | "SlowDown"
        | "SlowDownRead"
        | "SlowDownWrite" => Class::RateLimit,
        "RequestTimeout" | "RequestTimeoutException" | "OperationTimeoutException" => Class::Timeout,
        "TransactionInProgressException"
        | "TransactionConflictException"
        | "TransactionConflict"
        | "OperationAborted"
        | "ConditionalRequestConflict"
        | "ReplicatedWriteConflictException"
        | "ConcurrentModificationException"
        | "ModelNotReadyException"
        | "ResourceNotReadyException"
        | "SnapStartNotReadyException"
        | "TemporaryRedirect"
        | "IDPCommunicationError"
        | "IDPCommunicationErrorException" => Class::Transient,
        "InternalError"
        | "InternalFailure"
        | "InternalServerError"
        | "InternalServerException"
        | "InternalServiceError"
        | "ServiceException"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "InsufficientInstanceCapacity"
        | "ModelStreamErrorException" => Class::Server,
        "AccessDenied"
        | "AccessDeniedException"
        | "AccountProblem"
        | "AllAccessDisabled"
        | "AuthFailure"
        | "AuthorizationError"
        | "BucketAlreadyExists"
        | "BucketAlreadyOwnedByYou"
        | "BucketNotEmpty"
        | "ConditionalCheckFailed"
        | "ConditionalCheckFailedException"
        | "DuplicateItemException"
        | "EntityAlreadyExists"
        | "ExpiredIteratorException"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "InvalidObjectState"
        | "InvalidSignatureException"
        | "InvalidToken"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "NotAuthorized"
        | "NotAuthorizedException"
        | "OptInRequired"
        | "PreconditionFailed"
        | "RequestExpired"
        | "RequestInTheFuture"
        | "RequestTimeTooSkewed"
        | "ResourceInUseException"
        | "SignatureDoesNotMatch"
        | "UnauthorizedOperation"
        | "UnrecognizedClientException" => Class::Client,
        "NoSuchBucket"
        | "NoSuchEntity"
        | "NoSuchKey"
        | "NoSuchUpload"
        | "NoSuchVersion"
        | "AWS.SimpleQueueService.NonExistentQueue"
        | "QueueDoesNotExist"
        | "ResourceNotFoundException" => Class::NotFound,
        "BadDigest"
        | "EntityTooLarge"
        | "EntityTooSmall"
        | "InvalidArgument"
        | "InvalidBucketName"
        | "InvalidDigest"
        | "InvalidParameterCombination"
        | "InvalidParameterException"
        | "InvalidParameterValue"
        | "InvalidPart"
        | "InvalidPartOrder"
        | "InvalidRange"
        | "InvalidRequest"
        | "IdempotentParameterMismatchException"
        | "KeyTooLongError"
        | "MalformedQueryString"
        | "MalformedXML"
        | "MissingParameter"
        | "ValidationError"
        | "ValidationException" => Class::Validation,
        "SerializationException" => Class::Serialization,
        "ItemCollectionSizeLimitExceeded"
        | "ItemCollectionSizeLimitExceededException"
        | "InstanceLimitExceeded"
        | "MethodNotAllowed"
        | "PermanentRedirect"
        | "VcpuLimitExceeded"
        | "NotImplemented"
        | "ServiceQuotaExceededException" => Class::Permanent,
        "TransactionCanceledException" => Class::Unknown,
        _ => return None,
    })
}
