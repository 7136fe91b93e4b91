namespace VisionService.Detection;

/// <summary>Every family there is: the names of manifests, and the rules that recognise a file.</summary>
internal static class DetectorFamilies
{
    /// <summary>In the order in which they are asked.</summary>
    public static IReadOnlyList<DetectorFamily> All { get; } =
        [.. ListedFamilies.All, .. TransformerFamilies.All, .. FaceFamilies.All, .. YoloFamilies.All, .. PriorFamilies.All];

    /// <summary>The family of that name or alias, case aside; null where there is none.</summary>
    public static DetectorFamily? Find(string name) => All.FirstOrDefault(family =>
        family.Name.Equals(name, StringComparison.OrdinalIgnoreCase)
        || family.Aliases.Contains(name, StringComparer.OrdinalIgnoreCase));

    /// <summary>
    /// The families that the file can be read as: one where it decides, several where only the manifest can, none
    /// where it is no detector.
    /// </summary>
    public static IReadOnlyList<DetectorFamily> Recognize(DetectorSignature signature)
    {
        if (signature.ModelType is { } type && Find(type) is { } named)
        {
            return [named];
        }

        var fits = All.Select(family => (Family: family, Evidence: family.Fit(signature))).ToArray();
        var certain = Array.Find(fits, static fit => fit.Evidence == Evidence.Certain).Family;
        return certain is not null
            ? [certain]
            : [.. fits.Where(static fit => fit.Evidence == Evidence.Possible).Select(static fit => fit.Family)];
    }
}
