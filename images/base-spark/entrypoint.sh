#!/bin/bash
# driver ARGS     submit in client mode, as Spark on Kubernetes asks of the driver's pod
# executor        one executor for the driver that the environment names
# anything else   the stage of this image, with these arguments
set -euo pipefail

classes="${SPARK_CONF_DIR:-$SPARK_HOME/conf}:$SPARK_HOME/jars/*:/opt/earshot/jars/*:/opt/earshot/jars-s3/*"

case "${1:-}" in
driver)
    shift
    exec tini -s -- "$SPARK_HOME/bin/spark-submit" --deploy-mode client \
        --conf "spark.driver.bindAddress=$SPARK_DRIVER_BIND_ADDRESS" \
        --conf "spark.executorEnv.SPARK_DRIVER_POD_IP=$SPARK_DRIVER_BIND_ADDRESS" "$@"
    ;;
executor)
    options=()
    # The driver hands over Java's options one by one, numbered from 0.
    for ((i = 0; ; i++)); do
        name="SPARK_JAVA_OPT_$i"
        [ -n "${!name+set}" ] || break
        options+=("${!name}")
    done
    exec tini -s -- java "${options[@]}" "-Xms$SPARK_EXECUTOR_MEMORY" "-Xmx$SPARK_EXECUTOR_MEMORY" -cp "$classes" \
        org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend \
        --driver-url "$SPARK_DRIVER_URL" --executor-id "$SPARK_EXECUTOR_ID" --cores "$SPARK_EXECUTOR_CORES" \
        --app-id "$SPARK_APPLICATION_ID" --hostname "$SPARK_EXECUTOR_POD_IP" \
        --resourceProfileId "$SPARK_RESOURCE_PROFILE_ID" --podName "$SPARK_EXECUTOR_POD_NAME"
    ;;
*)
    exec python -m "jobs.$EARSHOT_IMAGE_STAGE" "$@"
    ;;
esac
