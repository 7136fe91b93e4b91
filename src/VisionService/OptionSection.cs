using System.Collections;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Reflection;
using Microsoft.Extensions.Options;

namespace VisionService;

/// <summary>A section of the configuration and the options that it fills, checked when the service starts.</summary>
/// <param name="Name">Such as <c>Api</c>; a class of options that is a property of another is a section below it.</param>
/// <param name="Read">The options as they are in effect.</param>
internal sealed record OptionSection(string Name, Func<IServiceProvider, object> Read)
{
    /// <summary>Binds a section. Messages about it name the whole key, and a key that nothing reads is refused: a misspelt
    /// setting must not pass for one that works.</summary>
    public static void AddOptions<T>(IHostApplicationBuilder builder, string name)
        where T : class
    {
        var services = builder.Services;
        services.AddSingleton(
            new OptionSection(name, static provider => provider.GetRequiredService<IOptions<T>>().Value));
        services.AddSingleton<IValidateOptions<T>>(new Validation<T>(builder.Configuration.GetSection(name)));
        services.AddOptions<T>().BindConfiguration(name).ValidateOnStart();
    }

    /// <summary>The settings of a class of options.</summary>
    public static PropertyInfo[] Settings(Type options) =>
        options.GetProperties(BindingFlags.Public | BindingFlags.Instance);

    /// <summary>Whether a setting is a section of its own.</summary>
    public static bool IsSection(Type type) =>
        type.IsClass
        && !type.IsAssignableTo(typeof(IEnumerable))
        && !TypeDescriptor.GetConverter(type).CanConvertFrom(typeof(string));

    private sealed class Validation<T>(IConfigurationSection section) : IValidateOptions<T>
        where T : class
    {
        public ValidateOptionsResult Validate(string? name, T options) =>
            Mistakes(section, options).ToArray() is { Length: > 0 } mistakes
                ? ValidateOptionsResult.Fail(mistakes)
                : ValidateOptionsResult.Success;

        private static IEnumerable<string> Mistakes(IConfigurationSection section, object options)
        {
            var settings = Settings(options.GetType());
            string[] known = [.. settings.Select(static setting => setting.Name)];
            foreach (var key in section.GetChildren().Select(static child => child.Key))
            {
                if (!known.Contains(key, StringComparer.OrdinalIgnoreCase))
                {
                    yield return
                        $"{section.Path}: unknown setting '{key}'{Nearest.Hint(key, known)}. Known: {string.Join(", ", known)}.";
                }
            }

            foreach (var setting in settings)
            {
                var value = setting.GetValue(options);
                var context = new ValidationContext(options)
                {
                    MemberName = setting.Name,
                    DisplayName = $"{section.Path}:{setting.Name}",
                };
                var results = new List<ValidationResult>();
                Validator.TryValidateProperty(value, context, results);
                var mistakes = results.Select(static result => result.ErrorMessage!);
                foreach (var mistake in value is not null && IsSection(setting.PropertyType)
                    ? mistakes.Concat(Mistakes(section.GetSection(setting.Name), value))
                    : mistakes)
                {
                    yield return mistake;
                }
            }

            if (options is IValidatableObject own)
            {
                foreach (var result in own.Validate(new ValidationContext(options)))
                {
                    yield return result.ErrorMessage!;
                }
            }
        }
    }
}
