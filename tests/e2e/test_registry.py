"""ECR in front of Debian's docker-registry: docker logs in with `aws ecr get-login-password`, pushes, and a task pulls what was pushed."""
import secrets
import subprocess

import pytest
from botocore.exceptions import ClientError

from conftest import AWS, DOCKER, IMAGE, PROVIDER, REGION, Terraform, docker, free_port, get, wait_until

STACK = PROVIDER + """
variable "immutable" { default = false }
resource "aws_ecr_repository" "web" {
  name                 = "team/web"
  image_tag_mutability = var.immutable ? "IMMUTABLE" : "MUTABLE"
  force_delete         = true
  image_scanning_configuration { scan_on_push = var.immutable }
  tags = { team = "web" }
}
resource "aws_ecr_lifecycle_policy" "web" {
  repository = aws_ecr_repository.web.name
  policy = jsonencode({ rules = [{ rulePriority = 1, description = "few", action = { type = "expire" },
    selection = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 5 } }] })
}
resource "aws_ecr_repository_policy" "web" {
  repository = aws_ecr_repository.web.name
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = "*", Action = "ecr:GetDownloadUrlForLayer" }] })
}
data "aws_ecr_repository" "read" {
  name       = "team/web"
  depends_on = [aws_ecr_repository.web]
}
data "aws_ecr_authorization_token" "token" {}
output "url" { value = data.aws_ecr_repository.read.repository_url }
"""


@pytest.fixture(scope="module")
def host(empty_berth, tmp_path_factory):
    folder = tmp_path_factory.mktemp("registry")
    empty_berth.registry = f"127.0.0.1:{free_port()}"
    (folder / "config.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}/images}}}}\nhttp: {{addr: {empty_berth.registry}}}\n")
    process = subprocess.Popen(["docker-registry", "serve", str(folder / "config.yml")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until("the registry answers", lambda: get(f"http://{empty_berth.registry}/v2/")[0] == 200)
        empty_berth.start_agent("--registry", f"http://{empty_berth.registry}")
        yield empty_berth
    finally:
        process.kill()
        process.wait()


def test_a_stack_of_repositories_applies_plans_empty_updates_and_goes(host, tmp_path):
    stack = Terraform(host, tmp_path, STACK)
    stack.apply()
    assert "No changes" in stack.plan()
    assert stack.output("url") == f"{host.registry}/team/web"
    stack.apply(immutable="true")
    assert "No changes" in stack.plan(immutable="true")
    stack.destroy(immutable="true")
    assert host.client("ecr").describe_repositories()["repositories"] == []


def test_docker_logs_in_pushes_and_a_task_pulls(host, tmp_path):
    ecr = host.client("ecr")
    uri = ecr.create_repository(repositoryName="web")["repository"]["repositoryUri"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "AWS_ACCESS_KEY_ID": host.key, "AWS_SECRET_ACCESS_KEY": host.secret,
                   "AWS_DEFAULT_REGION": REGION}
    password = subprocess.run([AWS, "--endpoint-url", host.api, "ecr", "get-login-password"], env=environment, check=True,
                              capture_output=True, text=True).stdout
    subprocess.run([DOCKER, "login", "--username", "AWS", "--password-stdin", host.registry], input=password, env=environment, check=True,
                   capture_output=True, text=True)
    tag = f"{uri}:{secrets.token_hex(4)}"
    docker("tag", IMAGE, tag)
    try:
        subprocess.run([DOCKER, "push", tag], env=environment, check=True, capture_output=True, text=True)
        docker("rmi", tag)
        image, = ecr.describe_images(repositoryName="web")["imageDetails"]
        assert image["imageTags"] == [tag.rsplit(":", 1)[1]] and image["imageSizeInBytes"] > 0
        assert ecr.list_images(repositoryName="web")["imageIds"] == [{"imageDigest": image["imageDigest"], "imageTag": image["imageTags"][0]}]
        definition = host.register("pulled", image=tag, memory=32)
        task, = host.ecs.run_task(cluster=host.cluster, taskDefinition=definition)["tasks"]
        wait_until("it runs", lambda: host.ecs.describe_tasks(cluster=host.cluster, tasks=[task["taskArn"]])["tasks"][0]["lastStatus"] == "RUNNING")
        host.ecs.stop_task(cluster=host.cluster, task=task["taskArn"])
        wait_until("it is gone", lambda: host.ecs.describe_tasks(cluster=host.cluster, tasks=[task["taskArn"]])["tasks"][0]["lastStatus"] == "STOPPED")
        with pytest.raises(ClientError) as caught:
            ecr.delete_repository(repositoryName="web")
        assert caught.value.response["Error"]["Code"] == "RepositoryNotEmptyException"
        ecr.delete_repository(repositoryName="web", force=True)
        with pytest.raises(ClientError) as caught:
            ecr.batch_get_image(repositoryName="web", imageIds=[{"imageTag": "x"}])
        assert "ecr:BatchGetImage is not offered" in caught.value.response["Error"]["Message"]
    finally:
        host.stop()  # its containers use the image
        subprocess.run([DOCKER, "rmi", "-f", tag], capture_output=True)
