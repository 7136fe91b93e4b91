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

/// <summary>The least role that an endpoint takes. Of several the strictest counts; an endpoint without any is for
/// <see cref="Role.Admin"/>.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class NeedsAttribute(Role role) : Attribute
{
    public Role Role { get; } = role;

    /// <summary>What an endpoint needs.</summary>
    public static Role Of(Endpoint endpoint)
    {
        var needs = endpoint.Metadata.GetOrderedMetadata<NeedsAttribute>();
        if (needs.Count == 0)
        {
            return Role.Admin;
        }

        var role = needs[0].Role;
        for (var i = 1; i < needs.Count; i++)
        {
            role = needs[i].Role > role ? needs[i].Role : role;
        }

        return role;
    }
}

internal static class NeedsExtensions
{
    /// <summary>Says who may call an endpoint, or all of a group.</summary>
    public static TBuilder Needs<TBuilder>(this TBuilder endpoints, Role role)
        where TBuilder : IEndpointConventionBuilder =>
        endpoints.WithMetadata(new NeedsAttribute(role));
}
