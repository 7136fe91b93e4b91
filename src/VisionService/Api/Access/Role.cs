namespace VisionService.Api.Access;

/// <summary>What a caller may do; each role may do what those before it may.</summary>
internal enum Role
{
    /// <summary>Ask how the service is, and read its pages.</summary>
    Anyone,

    /// <summary>Ask models, and what there is.</summary>
    Infer,

    /// <summary>Load and unload models.</summary>
    Admin,
}

/// <summary>The least role that a gRPC method takes, where it is not its service's.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class NeedsAttribute(Role role) : Attribute
{
    public Role Role { get; } = role;
}

/// <summary>What each endpoint says of who may call it.</summary>
internal static class NeededRole
{
    /// <summary>Says who may call an endpoint, or those of a group that do not say it themselves.</summary>
    public static TBuilder Needs<TBuilder>(this TBuilder endpoints, Role role)
        where TBuilder : IEndpointConventionBuilder =>
        endpoints.WithMetadata(new Mark(role));

    /// <summary>An endpoint's least role; where nothing is said of it <see cref="Role.Admin"/>.</summary>
    public static Role Of(EndpointMetadataCollection endpoint) =>
        endpoint.GetMetadata<NeedsAttribute>()?.Role ?? endpoint.GetMetadata<Mark>()?.Role ?? Role.Admin;

    private sealed record Mark(Role Role);
}
