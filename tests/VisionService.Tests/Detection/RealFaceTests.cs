using VisionService.Detection;

namespace VisionService.Tests.Detection;

/// <summary>Real detectors without reference answers: what a look at the photos tells.</summary>
public sealed class RealFaceTests
{
    [Theory]
    [InlineData("yunet")]
    [InlineData("ultraface")]
    public void Faces_of_a_group_are_found_within_it(string model)
    {
        var found = RealDetectors.Models[model].Detect(
            "images/people-group-1.jpg", minScore: 0.7f, maxIoU: 0.3f);
        Assert.NotEmpty(found);
        Assert.All(found, static face => Assert.InRange(face.Box.Width / face.Box.Height, 0.4f, 1.3f));
    }

    [Fact]
    public void Two_families_agree_on_the_faces()
    {
        List<DetectedObject> Faces(string model) => RealDetectors.Models[model].Detect(
            "images/people-group-1.jpg", minScore: 0.8f, maxIoU: 0.3f);

        var (first, second) = (Faces("yunet"), Faces("ultraface"));
        Assert.Equal(first.Count, second.Count);
        Assert.All(first, face => Assert.Contains(second, other => IoU.Of(face.Box, other.Box) > 0.5f));
    }

    [Fact]
    public void Key_points_lie_where_a_face_has_them()
    {
        var found = RealDetectors.Models["yunet"].Detect(
            "images/people-group-1.jpg", minScore: 0.8f, maxIoU: 0.3f);
        Assert.All(found, static face =>
        {
            Assert.All(face.KeyPoints, point => Assert.True(
                point.X > face.Box.XMin && point.X < face.Box.XMax && point.Y > face.Box.YMin && point.Y < face.Box.YMax));
            var (rightEye, leftEye, nose, rightMouth) = (face.KeyPoints[0], face.KeyPoints[1], face.KeyPoints[2], face.KeyPoints[3]);
            Assert.True(rightEye.X < leftEye.X && rightEye.Y < nose.Y && nose.Y < rightMouth.Y);
        });
    }

    [Fact]
    public void The_ssd_with_priors_in_its_graph_finds_the_people_at_the_bus()
    {
        var found = RealDetectors.Models["ssd-st"].Detect(
            "images/bus.jpg", minScore: 0.5f, maxIoU: 0.5f);
        Box[] people = [new(50, 389, 245, 904), new(219, 398, 344, 856)];
        Assert.All(people, person => Assert.Contains(found, o => IoU.Of(o.Box, person) > 0.7f));
    }
}
